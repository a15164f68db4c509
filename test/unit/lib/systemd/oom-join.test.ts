import { describe, expect, test } from 'vitest'
import type { RawEvent } from '../../../../src/data/event.js'
import { ResourcePool } from '../../../../src/data/resource.js'
import { attr, event } from '../../../../src/lib/systemd/names.js'
import type { OomEvidence } from '../../../../src/lib/systemd/oom-evidence.js'
import { UnitTracker } from '../../../../src/lib/systemd/unit-tracker.js'
import { Script } from './script.js'

const unit = 'web.service'
const ofRun = (letter: string): string => letter.repeat(32)
const base = {
  unit,
  scope: 'system',
  cgroup: `/system.slice/${unit}`,
  below: false,
  atUsec: 1_700_000_000_002_000,
} as const

/** What the counter of the unit's cgroup says; of a cgroup below it with `below`. */
function counter(after: number, part: Partial<OomEvidence> = {}, before = after - 1): OomEvidence {
  const below = part.below === true ? { cgroup: `/system.slice/${unit}/box` } : {}
  return { ...base, invocationId: ofRun('a'), counter: { id: part.below ? 8 : 7, before, after }, ...below, ...part }
}

function logged(pid: number, part: Partial<OomEvidence> = {}): OomEvidence {
  return { ...base, invocationId: ofRun('a'), victim: { pid, command: 'tail', limitedBy: base.cgroup }, ...part }
}

type Step = (tracker: UnitTracker) => RawEvent[]
const take =
  (evidence: OomEvidence): Step =>
  (tracker) =>
    tracker.oom.take(evidence, 1n)
const settle: Step = (tracker) => tracker.oom.settle(1n)
const feeds = (script: Script): Step[] => script.records.map((record) => (tracker) => tracker.feed(record))

function newTracker(watched = true): UnitTracker {
  return new UnitTracker({ scope: 'system', resources: new ResourcePool(), oomWatched: () => watched })
}

/** Plays a run that was started as run `a` with main process 100, then the steps; what is told of kills, and of the end. */
function play(steps: readonly Step[], tracker = newTracker()): RawEvent[] {
  const started = new Script(unit).start(1, 'a', 100)
  for (const step of feeds(started)) step(tracker)
  return steps.flatMap((step) => step(tracker))
}

/** What systemd sends of such a run from its start on. */
function script(end: (script: Script) => Script): Step[] {
  const whole = new Script(unit).start(1, 'a', 100)
  const begun = whole.records.length
  return feeds(end(whole)).slice(begun)
}

const kills = (events: readonly RawEvent[]): RawEvent[] => events.filter(({ name }) => name === event.oomKilled)
const evidenceOf = ({ attributes }: RawEvent): string[] => [...(attributes[attr.evidence] as readonly string[])].sort()

/** Every order in which some sequences can come, each in its own order. */
function interleavings<T>(sequences: readonly (readonly T[])[]): T[][] {
  const left = sequences.filter(({ length }) => length > 0)
  if (left.length === 0) return [[]]
  return left.flatMap((taken) => {
    const rest = left.map((one) => (one === taken ? one.slice(1) : one))
    return interleavings(rest).map((order) => [taken[0]!, ...order])
  })
}

const ends: Readonly<Record<string, (script: Script) => Script>> = {
  'the fast one that systemd calls a signal': (it) =>
    it.u('failed/failed', { result: 'signal', pid: 0, exit: 'killed:9' }),
  'OOMPolicy=stop': (it) =>
    it.u('deactivating/stop-sigterm', { result: 'oom-kill' }).u('failed/failed', { pid: 0, exit: 'killed:9' }),
  'OOMPolicy=kill': (it) =>
    it
      .u('deactivating/stop-sigkill', { result: 'oom-kill' })
      .u('deactivating/final-sigterm')
      .u('failed/failed', { pid: 0, exit: 'killed:9' }),
  'one that is unloaded at once': (it) =>
    it.u('failed/failed', { result: 'signal', pid: 0, exit: 'killed:9' }).u('inactive/dead').unitRemoved(),
  'one that is restarted': (it) =>
    it
      .u('failed/failed', { result: 'signal', pid: 0, exit: 'killed:9' })
      .u('activating/auto-restart')
      .u('activating/auto-restart', { job: 2, restarts: 1 })
      .u('inactive/dead', { inv: 'b', pid: 200, result: 'success', exit: '' })
      .u('active/running')
      .jobRemoved(2),
}

const witnesses: Readonly<Record<string, readonly (readonly OomEvidence[])[]>> = {
  'the counter': [[counter(1)]],
  'counter and log': [[counter(1)], [logged(100)]],
  'counter, and a log that came when the cgroup was gone': [[counter(1)], [logged(100, { invocationId: '' })]],
  'counter, and such a log of a child': [[counter(1)], [logged(123, { invocationId: '' })]],
  'the log alone': [[logged(100)]],
  'counters of the unit and of a cgroup below, and the log': [
    [counter(1)],
    [counter(1, { below: true })],
    [logged(123, { below: true })],
  ],
  'a whole group in one run': [[counter(3, {}, 0)], [logged(100), logged(101), logged(102)]],
  'two receivers of the same': [[counter(1)], [counter(1)]],
}

describe('a run that died of a kill is told once', () => {
  for (const [how, end] of Object.entries(ends)) {
    for (const [who, sequences] of Object.entries(witnesses)) {
      test(`${how}, by ${who}, in whichever order it comes`, () => {
        const orders = interleavings([script(end), ...sequences.map((one) => one.map(take))])
        expect(orders.length).toBeGreaterThan(1)
        for (const order of orders) {
          const told = kills(play([...order, settle, settle, settle]))
          expect(told.map(({ traceId }) => traceId)).toEqual([ofRun('a')])
          expect(told[0]!.attributes[attr.errorType]).toBe('oom-kill')
          expect(told[0]!.attributes[attr.oomSurvived]).toBe(false)
        }
      })
    }
  }

  test('however long systemd took: late once as one that lives on, and not again', () => {
    for (const end of Object.values(ends)) {
      for (const order of interleavings([script(end), [take(counter(1))], [settle, settle], [take(logged(100))]]))
        expect(kills(play([...order, settle, settle, settle]))).toHaveLength(1)
    }
  })

  test('by systemd alone, where the cgroup was gone before it could be read', () => {
    const told = kills(play(script(ends['OOMPolicy=stop']!)))
    expect(told.map(evidenceOf)).toEqual([['result']])
  })
})

test('what was told as one that lives on, and ended a moment later, is the same matter, however many died with it', () => {
  const steps = [
    take(counter(1)),
    settle,
    settle,
    ...script(ends['OOMPolicy=kill']!),
    take(counter(3, {}, 1)),
    settle,
    settle,
  ]
  expect(kills(play(steps))).toHaveLength(1)
})

test('a log that comes late, of a child, is of the run that the kernel counted one for, not of the next', () => {
  const late = logged(123, { invocationId: '', atUsec: 1_800_000_000_000_000 })
  const steps = [take(counter(1)), ...script(ends['one that is restarted']!), take(late), settle, settle, settle]
  expect(kills(play(steps)).map(({ traceId }) => traceId)).toEqual([ofRun('a')])
})

test('all that told of it is in its evidence, with what the kernel knows', () => {
  const steps = [
    take(counter(1, { peak: 4096, limit: 8192 })),
    take(counter(1, { below: true })),
    take(logged(123, { below: true })),
    ...script(ends['OOMPolicy=stop']!),
  ]
  const events = play(steps)
  expect(events.map(({ name }) => name)).toEqual([event.oomKilled, event.failed])
  const [told] = events
  expect(evidenceOf(told!)).toEqual(['kernel_log', 'memory.events', 'result'])
  expect(told!.attributes).toMatchObject({
    [attr.oomKills]: 1,
    [attr.oomCounterBefore]: 0,
    [attr.oomCounter]: 1,
    [attr.oomVictimPid]: 123,
    [attr.oomVictimCommand]: 'tail',
    [attr.oomConstraint]: 'memcg',
    [attr.oomLimitedBy]: base.cgroup,
    [attr.oomCgroup]: `${base.cgroup}/box`,
    [attr.oomMemoryPeak]: 4096,
    [attr.oomMemoryLimit]: 8192,
  })
  expect(told!.body).toBe(
    'web.service (/system.slice/web.service/box) was killed because memory ran out, first tail (PID 123)',
  )
})

test('a machine without memory is no limit of anybody', () => {
  const [told] = kills(
    play([take(logged(100, { victim: { pid: 100, command: 'tail', limitedBy: '' } })), settle, settle]),
  )
  expect(told!.attributes[attr.oomConstraint]).toBe('global')
  expect(told!.attributes).not.toHaveProperty([attr.oomLimitedBy])
})

test('a failure says that it was for want of memory, whatever systemd took it for', () => {
  const failed = play([take(counter(1)), ...script(ends['the fast one that systemd calls a signal']!)]).at(-1)!
  expect(failed.name).toBe(event.failed)
  expect(failed.attributes).toMatchObject({ [attr.errorType]: 'oom-kill', [attr.result]: 'signal' })
  expect(failed.body).toBe('web.service failed: oom-kill, signal SIGKILL')
})

test('a run that lives on is told each time it lost a process, and its later end is none of it', () => {
  const stop = script((it) =>
    it.u('deactivating/stop-sigterm', { job: 2 }).u('inactive/dead', { job: 0, pid: 0, exit: 'killed:15' }),
  )
  const steps = [
    take(counter(1)),
    settle,
    settle,
    settle,
    take(counter(2)),
    settle,
    settle,
    settle,
    ...stop,
    settle,
    settle,
  ]
  const told = kills(play(steps))
  expect(told.map(({ attributes }) => [attributes[attr.oomSurvived], attributes[attr.oomCounter]])).toEqual([
    [true, 1],
    [true, 2],
  ])
  expect(told[0]!.body).toBe('web.service lost a process because memory ran out, and lives on')
})

test('a run that lived on once and dies the next time is told twice', () => {
  for (const order of interleavings([script(ends['the fast one that systemd calls a signal']!), [take(counter(2))]])) {
    const told = kills(play([take(counter(1)), settle, settle, settle, ...order, settle, settle]))
    expect(told.map(({ attributes }) => attributes[attr.oomSurvived])).toEqual([true, false])
  }
})

test('who was killed by somebody was not killed for want of memory', () => {
  const events = play([...script(ends['the fast one that systemd calls a signal']!), settle, settle])
  expect(events.map(({ name, attributes }) => [name, attributes[attr.errorType]])).toEqual([[event.failed, 'signal']])
})

test('nor was the run after one that was', () => {
  const [first, ...rest] = script((it) =>
    ends['one that is restarted']!(it).u('failed/failed', { job: 0, result: 'signal', pid: 0, exit: 'killed:9' }),
  )
  const events = play([take(counter(1)), first!, ...rest, settle, settle])
  expect(kills(events)).toHaveLength(1)
  const failed = events.filter(({ name }) => name === event.failed)
  expect(failed.map(({ traceId, attributes }) => [traceId, attributes[attr.errorType]])).toEqual([
    [ofRun('a'), 'oom-kill'],
    [ofRun('b'), 'signal'],
  ])
})

test('a run of which nothing else is known is told all the same, as far as it is', () => {
  const tracker = newTracker()
  expect(tracker.oom.take(counter(1), 1n)).toEqual([])
  expect(tracker.oom.waits).toBe(true)
  const told = [settle, settle].flatMap((step) => step(tracker))
  expect(told.map(({ traceId }) => traceId)).toEqual([ofRun('a')])
  for (let i = 0; i < 3; i++) settle(tracker)
  expect(tracker.oom.waits).toBe(false)
})

test('a log that nobody can be found for is let go', () => {
  const tracker = newTracker()
  const steps = [take(logged(5, { invocationId: '' })), settle, settle, settle]
  expect(steps.flatMap((step) => step(tracker))).toEqual([])
  expect(tracker.oom.waits).toBe(false)
  expect(tracker.oom.unattributed).toBe(1)
})

test('it ends no earlier than it was killed', () => {
  const late = { atUsec: 1_800_000_000_000_000 }
  const end = script((it) => it.u('failed/failed', { result: 'signal', pid: 0, exit: 'killed:9' }))
  const [told] = kills(play([take(counter(1, late)), ...end]))
  expect(told!.timeUnixNano).toBe(1_800_000_000_000_000_000n)
})

test('where nobody looks for kills, what systemd says is told at once, and as before', () => {
  const [first] = script(ends['OOMPolicy=stop']!)
  const events = play([first!], newTracker(false))
  expect(events.map(({ name, body }) => [name, body])).toEqual([
    [event.oomKilled, 'web.service was killed because memory ran out'],
  ])
  expect(events[0]!.attributes).not.toHaveProperty([attr.evidence])
})

test('the memory of it is bounded: of ten thousand units the last are known', () => {
  const tracker = newTracker()
  for (let i = 0; i < 10_000; i++) tracker.oom.take(counter(1, { unit: `u${i}.service` }), 1n)
  const told = [settle, settle].flatMap((step) => step(tracker))
  expect(told).toHaveLength(512)
  expect(told.at(-1)!.attributes[attr.unit]).toBe('u9999.service')
  expect(tracker.oom.unattributed).toBe(10_000 - 512)
})

test('a run that loses a worker each hour for years is told of each one, also where only the log tells', () => {
  const tracker = newTracker()
  play([], tracker)
  for (let pid = 1; pid <= 200; pid++) {
    const told = [take(logged(pid)), take(logged(pid)), settle, settle, settle].flatMap((step) => step(tracker))
    expect(kills(told).map(({ attributes }) => [attributes[attr.oomKills], attributes[attr.oomVictimPid]])).toEqual([
      [1, pid],
    ])
  }
})
