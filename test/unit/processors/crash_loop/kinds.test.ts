import { describe, expect, test } from 'vitest'
import type { Settings } from '../../../../src/component/component.js'
import { batchOf } from '../../../../src/data/batch.js'
import type { RawEvent } from '../../../../src/data/event.js'
import { patternAttr } from '../../../../src/lib/patterns/detection-event.js'
import { attr, event as names } from '../../../../src/lib/systemd/names.js'
import { schema } from '../../../../src/processors/crash_loop/config.js'
import { crashLoop } from '../../../../src/processors/crash_loop/episode.js'
import { factory } from '../../../../src/processors/crash_loop/factory.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleEvent, sampleResource } from '../../../../src/testkit/sample.js'
import { testSettings } from '../../../../src/testkit/test-settings.js'

const kStart = 1_700_000_000

/** Tells the story at once, and lets a day go by. */
async function told(story: readonly RawEvent[], written: unknown = {}, part: Partial<Settings> = {}) {
  const clock = new FakeClock(BigInt(kStart) * 1_000_000_000n)
  const next = new MemoryExporter()
  const settings = testSettings('processor', 'crash_loop', { clock, ...part })
  const processor = factory.create(settings, createTestConfig(schema, written), next)
  await processor.consume(batchOf({ events: story }))
  await settle()
  await clock.advance(86_400_000)
  return next.events.filter(({ name }) => name.startsWith('pattern.'))
}

const summary = (events: readonly RawEvent[]) =>
  events.map(({ name, attributes }) =>
    [name.split('.').at(-1), attributes[patternAttr.kind], attributes[crashLoop.count]].join(' '),
  )

const id = (run: number): string => (run + 1).toString(16).padStart(32, '0')

/** A service with Restart=, told as systemd tells of it. */
class Story {
  readonly events: RawEvent[] = []
  #run = 0
  #enterS = 0
  atS: number

  constructor(atS = 0) {
    this.atS = atS
    this.#enterS = atS
  }

  /** It runs, fails, and is started again by systemd. */
  crash(upS: number, waitS = 0.1): this {
    this.atS += upS
    const by = { [attr.restartCause]: 'auto' }
    this.#tell(names.failed, { [attr.result]: 'exit-code', [attr.exitCode]: 1, ...this.#stamps() })
    this.#tell(names.restarting, { ...by, [attr.result]: 'exit-code', ...this.#stamps() })
    return this.#begin(waitS, names.restarted, by)
  }

  /** It ends in order, and is started again (Restart=always). */
  cycle(upS: number, waitS = 0.1): this {
    this.atS += upS
    const by = { [attr.restartCause]: 'auto' }
    this.#tell(names.restarting, { ...by, [attr.result]: 'success', ...this.#stamps() })
    return this.#begin(waitS, names.restarted, by)
  }

  /** A timer starts it, and it fails. */
  job(everyS: number): this {
    this.#begin(everyS - 1, names.started, {})
    this.atS += 1
    this.#tell(names.failed, { [attr.result]: 'exit-code', [attr.exitCode]: 1, ...this.#stamps() })
    return this
  }

  tell(name: string, extra: RawEvent['attributes']): this {
    this.#tell(name, extra)
    return this
  }

  #begin(waitS: number, name: string, extra: RawEvent['attributes']): this {
    this.atS += waitS
    this.#enterS = this.atS
    this.#run++
    this.#tell(name, extra)
    return this
  }

  #stamps(): RawEvent['attributes'] {
    const usec = (atS: number): number => Math.round((kStart + atS) * 1e6)
    return {
      [attr.inactiveExitUsec]: usec(this.#enterS),
      [attr.activeEnterUsec]: usec(this.#enterS),
      [attr.activeExitUsec]: usec(this.atS),
    }
  }

  #tell(name: string, extra: RawEvent['attributes']): void {
    this.events.push(
      sampleEvent({
        name,
        timeUnixNano: BigInt(Math.round((kStart + this.atS) * 1e6)) * 1000n,
        resource: sampleResource('a.service'),
        attributes: { [attr.unit]: 'a.service', [attr.invocationId]: id(this.#run), ...extra },
      }),
    )
  }
}

function repeat(times: number, step: (story: Story, n: number) => void, story = new Story()): Story {
  for (let n = 0; n < times; n++) step(story, n)
  return story
}

describe('kinds of loops', () => {
  test.each<[string, Story, readonly string[]]>([
    ['seconds apart', repeat(4, (story) => story.crash(2)), ['detected rapid 3', 'cleared rapid 4']],
    [
      'a minute apart',
      repeat(4, (story) => story.crash(60)),
      ['detected consecutive_failures 3', 'cleared consecutive_failures 4'],
    ],
    [
      'RestartSteps=: waiting times grow, whatever the runs do',
      repeat(7, (story, n) => story.crash(n % 2 === 0 ? 1 : 20, 2 ** n)),
      ['detected rapid 3', 'updated escalating 5', 'cleared escalating 7'],
    ],
    [
      'waits too long for the window, that grow',
      repeat(5, (story, n) => story.crash(1, 120 * 1.6 ** n)),
      ['detected escalating 4', 'cleared escalating 5'],
    ],
    ['ten minutes apart', repeat(6, (story) => story.crash(600)), ['detected slow 4', 'cleared slow 6']],
    [
      'ten minutes apart, more or less',
      repeat(6, (story, n) => story.crash([500, 620, 700, 560, 480, 640][n]!)),
      ['detected slow 4', 'cleared slow 6'],
    ],
    [
      'without any order, again and again within the hour',
      repeat(7, (story, n) => story.crash([700, 200, 1100, 250, 600, 150, 900][n]!)),
      ['detected consecutive_failures 6', 'cleared consecutive_failures 7'],
    ],
    [
      'slow at first, then at once',
      repeat(
        6,
        (story) => story.crash(1),
        repeat(4, (story) => story.crash(600)),
      ),
      ['detected slow 4', 'updated rapid 7', 'cleared rapid 10'],
    ],
  ])('%s', async (_what, { events }, expected) => {
    expect(summary(await told(events))).toEqual(expected)
  })
})

describe('no loop', () => {
  test.each<[string, Story]>([
    ['three crashes in a day', repeat(3, (story) => story.crash(8 * 3600))],
    [
      'crashes without any order, hours apart',
      repeat(6, (story, n) => story.crash([9000, 400, 7000, 3000, 11_000, 500][n]!)),
    ],
    ['irregular ones', repeat(5, (story, n) => story.crash([1500, 310, 1700, 400, 900][n]!))],
    ['a worker that ends in order every ten minutes, and is begun anew', repeat(20, (story) => story.cycle(600))],
    ['or every minute', repeat(20, (story) => story.cycle(60))],
    ['a job of a timer that fails every ten minutes: its timer is no loop', repeat(10, (story) => story.job(600))],
  ])('%s', async (_what, { events }) => {
    expect(await told(events)).toEqual([])
  })

  test('slow loops, where nobody wants them', async () => {
    expect(await told(repeat(10, (story) => story.crash(600)).events, { slow_interval: '0s' })).toEqual([])
  })
})

test('clean exits at once are a loop like any other', async () => {
  expect(summary(await told(repeat(4, (story) => story.cycle(1)).events))).toEqual([
    'detected rapid 3',
    'cleared rapid 4',
  ])
})

test('a unit that looks healthy in between flaps', async () => {
  const [detected] = await told(repeat(4, (story) => story.crash(90)).events)
  expect(detected?.attributes[crashLoop.flaps]).toBe(3)
  expect(detected?.attributes[crashLoop.uptime]).toBe(90)
  expect(detected?.body).toBe(
    `a.service keeps crashing: 3 crashes in 3m (3x exit-code/1), mostly after 1m30s up; last run: journalctl _SYSTEMD_INVOCATION_ID=${id(2)}`,
  )
})

test('a slow loop is not over in one of its pauses', async () => {
  const events = await told(repeat(5, (story) => story.crash(1200)).events)
  const [last, cleared] = [events.at(-1)!, events.at(-1)!.timeUnixNano]
  expect(Number(cleared) / 1e9 - Number(last.attributes[crashLoop.lastUsec]) / 1e6).toBeCloseTo(2400, 0)
})

test('restarts that systemd counted and nobody saw are crashes: signals are merged where they come too fast', async () => {
  const story = new Story().crash(0.1).tell(names.restarting, {
    [attr.restartCause]: 'auto',
    [attr.synthetic]: true,
    [attr.evidence]: ['state', 'timestamps', 'n_restarts'],
    [attr.missedRestarts]: 3,
    [attr.result]: 'exit-code',
  })
  const [detected] = await told(story.events)
  expect(summary([detected!])).toEqual(['detected rapid 4'])
  expect(detected?.attributes[crashLoop.results]).toEqual(
    ['exit-code: 1', 'exit-code/1: 1', 'unseen: 2'].sort((a, b) => Number(b.at(-1)) - Number(a.at(-1))),
  )
  expect(detected?.attributes[patternAttr.confidence]).toBe(0.85)
})

test('and those that only a counter tells of took no time that anybody knows', async () => {
  const counted = { [attr.restartCause]: 'auto', [attr.missedRestarts]: 8 }
  const [detected] = await told(new Story().tell(names.restarted, counted).events)
  expect(detected?.body).toMatch(/^a\.service is in a crash loop: 8 crashes \(8x unseen\)/)
})

describe('a deployment', () => {
  const restarted = { [attr.restartCause]: 'manual' }

  test('of a version that crashes from its start on is told at the threshold', async () => {
    const story = repeat(5, (one) => one.crash(1), new Story().tell(names.restarted, restarted))
    expect(summary(await told(story.events)).slice(0, 1)).toEqual(['detected rapid 3'])
  })

  test('after deployment that fails once each is none', async () => {
    const story = repeat(6, (one) =>
      one.tell(names.restarted, { ...restarted, [attr.invocationId]: id(1000 + one.atS) }).crash(20),
    )
    expect(await told(story.events)).toEqual([])
  })
})

describe('what happens in a quiet time is not lost', () => {
  const nano = (atS: number): bigint => BigInt(kStart + atS) * 1_000_000_000n
  const boot = { bootUnixNano: nano(0) }
  // 2023-11-14T22:13:20Z
  const maintenance = { maintenance: [{ units: [], days: [], from: '22:00', to: '22:30', time_zone: 'UTC' }] }
  const limit = (story: Story): Story => story.tell(names.startLimitHit, {})
  const atS = (event: RawEvent | undefined): number => Number(event?.timeUnixNano) / 1e9 - kStart

  test.each([
    ['while the machine starts', boot, 180],
    ['in a maintenance window', maintenance, 1000],
  ])('a unit that hits its start limit %s is told when that is over', async (_when, part, overS) => {
    const [detected, cleared] = await told(limit(repeat(4, (story) => story.crash(1), new Story(10))).events, {}, part)
    expect([atS(detected), detected?.attributes[patternAttr.kind], detected?.attributes[crashLoop.count]]).toEqual([
      overS,
      'start_limit',
      4,
    ])
    expect(cleared?.attributes[crashLoop.outcome]).toBe('gave_up')
  })

  test('but not where somebody has started it again meanwhile', async () => {
    const story = limit(repeat(4, (one) => one.crash(1), new Story(10)))
    story.atS = 60
    story.tell(names.started, { [attr.invocationId]: id(77) })
    expect(await told(story.events, {}, boot)).toEqual([])
  })

  test('a loop that goes on is told once it is one by what follows', async () => {
    const [detected] = await told(repeat(100, (story) => story.crash(3, 0), new Story(100)).events, {}, boot)
    expect([atS(detected), detected?.attributes[crashLoop.count]]).toEqual([187, 3])
  })

  test('a loop that is known goes on, and is over as it would have been', async () => {
    // The window of each day ends at 22:30, and the story begins a minute before.
    const before = { maintenance: [{ units: [], days: [], from: '22:14', to: '22:30', time_zone: 'UTC' }] } as const
    const events = await told(repeat(60, (story) => story.crash(2, 0)).events, {}, before)
    expect(summary(events).at(0)).toBe('detected rapid 3')
    expect(summary(events).at(-1)).toMatch(/^cleared rapid 60$/)
    expect(events.filter(({ name }) => name === crashLoop.detected)).toHaveLength(1)
  })
})
