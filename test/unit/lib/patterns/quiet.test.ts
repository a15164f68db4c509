import { describe, expect, test } from 'vitest'
import type { Settings } from '../../../../src/component/component.js'
import { batchOf } from '../../../../src/data/batch.js'
import type { RawEvent } from '../../../../src/data/event.js'
import type { Detector, DetectorContext, UnitSignal } from '../../../../src/lib/patterns/detector.js'
import { PatternProcessor } from '../../../../src/lib/patterns/pattern-processor.js'
import { attr, metric, event as names } from '../../../../src/lib/systemd/names.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleEvent, sampleGauge, sampleResource } from '../../../../src/testkit/sample.js'
import { testSettings } from '../../../../src/testkit/test-settings.js'

/** 2023-11-14T22:13:20Z */
const kStart = 1_700_000_000

const nano = (atS: number): bigint => BigInt(Math.round((kStart + atS) * 1e6)) * 1000n

/** Remembers what it is told of, and when each quiet time would be over. */
class Listener implements Detector {
  readonly heard: string[] = []
  readonly #context: DetectorContext
  constructor(context: DetectorContext) {
    this.#context = context
  }
  signal({ kind, quiet, unit, atMs }: UnitSignal): void {
    if (kind !== 'failed' && kind !== 'restarting') return
    const leftMs = this.#context.quietUntilMs(unit, atMs) - atMs
    this.heard.push(quiet === undefined ? 'loud' : `${quiet}${leftMs > 0 ? ` ${Math.round(leftMs / 1000)}` : ''}`)
  }
}

function rig(part: Partial<Settings> = {}) {
  const clock = new FakeClock(nano(0))
  const settings = testSettings('processor', 'listener', { clock, ...part })
  let listener: Listener | undefined
  const processor = new PatternProcessor(settings, new MemoryExporter(), {
    pattern: 'listener',
    create(context) {
      listener = new Listener(context)
      return listener
    },
  })
  return {
    clock,
    heard: () => listener!.heard,
    feed: (...events: readonly RawEvent[]) => processor.consume(batchOf({ events })),
    /** systemd is in that state. */
    state: (state: string, atS: number) =>
      processor.consume(
        batchOf({
          metrics: [
            sampleGauge([], {
              name: metric.systemState,
              resource: { key: 'host', attributes: {} },
              points: ['starting', 'running', 'stopping'].map((one) => ({
                attributes: { [attr.systemState]: one },
                timeUnixNano: nano(atS),
                value: one === state ? 1 : 0,
              })),
            }),
          ],
        }),
      ),
  }
}

function at(name: string, atS: number, extra: RawEvent['attributes'] = {}, unit = 'a.service'): RawEvent {
  return sampleEvent({
    name,
    timeUnixNano: nano(atS),
    observedTimeUnixNano: nano(atS),
    resource: sampleResource(unit),
    attributes: { [attr.unit]: unit, ...extra },
  })
}

const failed = (atS: number, extra: RawEvent['attributes'] = {}, unit?: string): RawEvent =>
  at(names.failed, atS, extra, unit)
/** Told by the journal, and read as the last gap was told of. */
const told = (atS: number, readS: number): RawEvent => ({
  ...failed(atS, { [attr.synthetic]: true, [attr.evidence]: ['journal'] }),
  observedTimeUnixNano: nano(readS),
})
const by = (cause: string) => ({ [attr.restartCause]: cause })
const byOperator = { [attr.verdict]: 'stopped_by_operator' }
const reload = (atS: number): RawEvent => gap('reload', atS)

function gap(reason: string, atS: number, fromS = atS): RawEvent {
  const resource = { key: 'host', attributes: {} }
  const attributes = { [attr.gapReason]: reason, [attr.gapStartUsec]: (kStart + fromS) * 1e6 }
  return sampleEvent({
    name: names.gap,
    timeUnixNano: nano(atS),
    observedTimeUnixNano: nano(atS),
    resource,
    attributes,
  })
}

describe('a unit that is deployed', () => {
  test.each<[string, readonly RawEvent[], readonly string[]]>([
    [
      'restarted by a job: a minute',
      [at(names.restarted, 0, by('manual')), failed(1), failed(59.9), failed(60)],
      ['deployment 59', 'deployment 0', 'loud'],
    ],
    ['and with the unit it needs', [at(names.restarted, 0, by('dependency')), failed(1)], ['deployment 59']],
    [
      'each start by a job begins the minute anew',
      [at(names.restarted, 0, by('manual')), at(names.restarted, 50, by('manual')), failed(100)],
      ['deployment 10'],
    ],
    ['its unit files read anew, then started', [reload(0), at(names.started, 300), failed(301)], ['deployment 59']],
    [
      'stopped by hand, then started',
      [at(names.stopped, 0, byOperator), at(names.started, 300), failed(301)],
      ['deployment 59'],
    ],
    [
      'only when systemd restarts it by itself is it the new version that fails',
      [at(names.restarted, 0, by('manual')), failed(1), at(names.restarting, 1, by('auto')), failed(2)],
      ['deployment 59', 'loud', 'loud'],
    ],
    ['it fails while it is being stopped', [failed(0, byOperator)], ['deployment']],
  ])('%s', async (_story, events, heard) => {
    const { feed, heard: was } = rig()
    await feed(...events)
    expect(was()).toEqual(heard)
  })

  test.each<[string, readonly RawEvent[]]>([
    ['a timer or a person starts it, as it always was', [at(names.started, 0), failed(1)]],
    [
      'a timer begins once more what had done its work, though unit files were read anew',
      [at(names.stopped, 0), reload(1), at(names.started, 2), failed(3)],
    ],
    ['the work was long ago', [reload(0), at(names.started, 601), failed(602)]],
    ['another unit is worked on', [at(names.restarted, 0, by('manual'), 'b.service'), failed(1)]],
    ['this agent restarts it because it is in trouble', [at(names.restarted, 0, by('remediation')), failed(1)]],
    ['it ended by itself', [at(names.stopped, 0), at(names.started, 1), failed(2)]],
  ])('is not one of which %s', async (_story, events) => {
    const { feed, heard } = rig()
    await feed(...events)
    expect(heard()).toEqual(['loud'])
  })

  test('that had failed is mended by what is read anew, not by another try', async () => {
    const { feed, heard } = rig()
    await feed(failed(0), reload(1), at(names.started, 2), failed(3), at(names.started, 4), failed(100))
    expect(heard()).toEqual(['loud', 'deployment 59', 'loud'])
  })

  test('past the bound the one worked on longest ago is forgotten', async () => {
    const { feed, heard } = rig()
    for (let n = 0; n <= 4096; n++) await feed(at(names.restarted, n / 1000, by('manual'), `u${n}.service`))
    await feed(failed(5, {}, 'u0.service'), failed(5, {}, 'u1.service'))
    expect(heard()).toEqual(['loud', 'deployment 55'])
  })
})

describe('what happened while nobody watched', () => {
  const concluded = (...evidence: string[]) => ({ [attr.synthetic]: true, [attr.evidence]: evidence })
  test.each<[string, readonly RawEvent[], readonly string[]]>([
    [
      'a state tells that, not when or how often',
      [
        gap('agent_restart', 50),
        failed(40, concluded('state', 'timestamps')),
        failed(50, concluded('state', 'n_restarts')),
      ],
      ['gap', 'gap'],
    ],
    ['the journal tells all', [gap('agent_restart', 50), failed(40, concluded('journal'))], ['loud']],
    ['signals that were read late were seen', [gap('lost_records', 50), failed(49)], ['loud']],
    ['after it all is seen', [gap('bus_lost', 50), failed(51, concluded('state'))], ['loud']],
    ['in a reload nothing is missed', [reload(50), failed(49, concluded('state'))], ['loud']],
  ])('%s', async (_story, events, heard) => {
    const { feed, heard: was } = rig()
    await feed(...events)
    expect(was()).toEqual(heard)
  })
})

describe('a machine that starts', () => {
  test('until systemd says that all is up', async () => {
    const { feed, state, heard } = rig({ bootUnixNano: nano(0) })
    await state('starting', 10)
    await feed(failed(20))
    await state('running', 30)
    await feed(failed(31), failed(29))
    expect(heard()).toEqual(['system_start 160', 'loud', 'system_start 1'])
  })

  test('or for three minutes, where nobody says it', async () => {
    const { feed, heard } = rig({ bootUnixNano: nano(0) })
    await feed(failed(179), failed(180))
    expect(heard()).toEqual(['system_start 1', 'loud'])
  })

  test('what a recording of long ago tells has nothing to do with it', async () => {
    const { feed, heard } = rig({ bootUnixNano: nano(1e6) })
    await feed(failed(1))
    expect(heard()).toEqual(['loud'])
  })

  test('the journal tells of the way down and up, which proves nothing, and of the hours before, which do', async () => {
    const { feed, heard } = rig({ bootUnixNano: nano(10_000) })
    await feed(gap('reboot', 10_020, 0), told(100, 10_020), told(9990, 10_020), told(10_010, 10_020))
    expect(heard()).toEqual(['loud', 'system_shutdown 10', 'system_start 170'])
  })

  test('where its time of boot is not known, all of the gap may be that', async () => {
    const { feed, heard } = rig()
    await feed(gap('reboot', 1000, 0), told(1, 1000), failed(1001))
    expect(heard()).toEqual(['system_shutdown 999', 'system_start 179'])
  })
})

test('a machine that goes down', async () => {
  const seen = rig()
  await seen.feed(at(names.started, 0, {}, 'shutdown.target'), failed(1))
  const said = rig()
  await said.state('stopping', 0)
  await said.feed(failed(1))
  await said.state('running', 2)
  await said.feed(failed(3))
  expect([seen.heard(), said.heard()]).toEqual([['system_shutdown 299'], ['system_shutdown 299', 'loud']])
})

test('goes down although a state that was read before it comes behind it', async () => {
  const { feed, state, heard } = rig()
  await feed(at(names.started, 1, {}, 'shutdown.target'))
  await state('running', 0.9)
  await feed(failed(2))
  expect(heard()).toEqual(['system_shutdown 299'])
})

test('what the journal tells of the hours before is not of the moment in which the clock was set', async () => {
  const { clock, feed, heard } = rig()
  await feed(failed(0))
  await clock.advance(7200_000)
  clock.stepWallClock(3600n * 1_000_000_000n)
  await feed(told(3600, 10_800), failed(10_801))
  expect(heard()).toEqual(['loud', 'loud', 'suspend_or_clock_step 59'])
})

test('a clock that is set, or a machine that slept', async () => {
  const { clock, feed, heard } = rig()
  await feed(failed(0))
  clock.stepWallClock(7200n * 1_000_000_000n)
  await feed(failed(7201), failed(7262))
  expect(heard()).toEqual(['loud', 'suspend_or_clock_step 59', 'loud'])
})

test('a maintenance window is by the clock on the wall, also where that was set', async () => {
  // 22:13:20 UTC
  const maintenance = [{ units: ['a*'], days: [], from: '22:00', to: '23:00', time_zone: 'UTC' }]
  const { clock, feed, heard } = rig({ maintenance })
  await feed(failed(0), failed(0, {}, 'b.service'))
  clock.stepWallClock(-1800n * 1_000_000_000n)
  await feed(at(names.started, -1799, {}, 'b.service'))
  await clock.advance(120_000)
  await feed(failed(-1680))
  expect(heard()).toEqual(['maintenance 2800', 'loud', 'loud'])
})
