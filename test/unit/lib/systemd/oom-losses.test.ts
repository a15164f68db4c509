import { describe, expect, test } from 'vitest'
import type { RawEvent } from '../../../../src/data/event.js'
import { ResourcePool } from '../../../../src/data/resource.js'
import { attr, event } from '../../../../src/lib/systemd/names.js'
import type { OomLoss, OomSuspect } from '../../../../src/lib/systemd/oom-evidence.js'
import { UnitTracker } from '../../../../src/lib/systemd/unit-tracker.js'
import { Script } from './script.js'

const kBeganUsec = 1_700_000_000_000_000
const slice = '/system.slice'
const runOf = (letter: string): string => letter.repeat(32)

const ends = {
  killed: (it: Script) => it.u('failed/failed', { result: 'signal', pid: 0, exit: 'killed:9' }),
  'oom-kill': (it: Script) => it.u('failed/failed', { result: 'oom-kill', pid: 0, exit: 'killed:9' }),
  'a shell says killed': (it: Script) => it.u('failed/failed', { result: 'exit-code', pid: 0, exit: 'exited:137' }),
  crashed: (it: Script) => it.u('failed/failed', { result: 'signal', pid: 0, exit: 'dumped:11' }),
  failed: (it: Script) => it.u('failed/failed', { result: 'exit-code', pid: 0, exit: 'exited:1' }),
  stopped: (it: Script) => it.u('inactive/dead', { result: 'success', pid: 0, exit: 'killed:15' }),
  'killed, and restarted, and killed': (it: Script) =>
    ends
      .killed(it)
      .u('activating/auto-restart')
      .wait(100)
      .u('inactive/dead', { inv: `${it.unit[0]}2`.slice(1), pid: 200, result: 'success', exit: '' })
      .u('active/running')
      .u('failed/failed', { result: 'signal', pid: 0, exit: 'killed:9' }),
  'nothing known': (it: Script) => it,
}
type End = keyof typeof ends

interface Case {
  /** By one letter, which is that of its run, too. */
  readonly units: Readonly<Record<string, End>>
  readonly kills: number
  /** Letters; with `!` its memory was short, with `?` it came and went unseen. */
  readonly suspects: readonly string[]
  readonly grouped?: boolean
  readonly incomplete?: boolean
  /** Kills that the cgroup's own counter told of before, by letter. */
  readonly counted?: Readonly<Record<string, number>>
  /** How long before, milliseconds; 25 if left out. */
  readonly countedMs?: number
  /** `LETTER KILLS` of each run that died of it by the slice's word. */
  readonly told: readonly string[]
  readonly undecided?: Readonly<Record<string, number>>
}

const nameOf = (letter: string): string => `${letter}.service`

function suspect(text: string): OomSuspect {
  const letter = text[0]!
  const unseen = text.endsWith('?')
  return {
    unit: letter === '-' ? '' : nameOf(letter),
    invocationId: unseen || letter === '-' ? '' : runOf(letter),
    cgroup: `${slice}/${nameOf(letter)}`,
    id: unseen ? 0 : letter.charCodeAt(0),
    stirred: text.endsWith('!'),
    goneUsec: kBeganUsec + 30_000,
  }
}

const lossOf = ({ kills, suspects, grouped = false, incomplete = false }: Omit<Case, 'units' | 'told'>): OomLoss => ({
  scope: 'system',
  slice,
  kills,
  grouped,
  complete: !incomplete,
  suspects: suspects.map(suspect),
})

type Step = (tracker: UnitTracker) => RawEvent[]
const settle: Step = (tracker) => tracker.oom.settle(1n)

function newTracker(): UnitTracker {
  return new UnitTracker({ scope: 'system', resources: new ResourcePool(), oomWatched: () => true })
}

/** The start of each unit, and what systemd tells of its end. */
function lives(units: Case['units']): { starts: Step[]; ends: Step[] } {
  const starts: Step[] = []
  const rest: Step[] = []
  for (const [letter, end] of Object.entries(units)) {
    const script = new Script(nameOf(letter)).start(1, letter, letter.charCodeAt(0))
    const begun = script.records.length
    ends[end](script).records.forEach((record, at) => {
      ;(at < begun ? starts : rest).push((tracker) => tracker.feed(record))
    })
  }
  return { starts, ends: rest }
}

const counted = (letter: string, kills: number, beforeMs = 25): Step => {
  const evidence = {
    unit: nameOf(letter),
    scope: 'system',
    invocationId: runOf(letter),
    cgroup: `${slice}/${nameOf(letter)}`,
    below: false,
    atUsec: kBeganUsec + 30_000 - beforeMs * 1000,
    counter: { id: letter.charCodeAt(0), before: 0, after: kills },
  } as const
  return (tracker) => tracker.oom.take(evidence, 1n)
}

const isKill = ({ name }: RawEvent): boolean => name === event.oomKilled
const bySlice = ({ attributes }: RawEvent): boolean =>
  (attributes[attr.evidence] as readonly string[]).includes('slice.memory.events')

function check(one: Case): void {
  const { starts, ends } = lives(one.units)
  const counters = Object.entries(one.counted ?? {}).map(([letter, kills]) => counted(letter, kills, one.countedMs))
  const lose: Step = (tracker) => tracker.oom.takeLoss(lossOf(one), 1n)
  for (const steps of [
    [...counters, ...ends, lose],
    [...counters, lose, ...ends],
  ]) {
    const tracker = newTracker()
    for (const step of starts) step(tracker)
    const told = [...steps, settle, settle, settle].flatMap((step) => step(tracker)).filter(isKill)
    const lines = told
      .filter(bySlice)
      .map(({ traceId, attributes: a }) => `${traceId!.slice(0, 2)} ${a[attr.oomKills]} ${a[attr.oomSurvived]}`)
    expect(lines.sort()).toEqual(one.told.map((text) => `${text[0]}${text} false`).sort())
    // Each once, whoever told of it.
    expect(new Set(told.map(({ traceId }) => traceId)).size).toBe(told.length)
    expect({ ...tracker.oom.undecided }).toEqual({
      oom_incomplete: 0,
      oom_ambiguous: 0,
      oom_unfound: 0,
      ...one.undecided,
    })
    for (let i = 0; i < 3; i++) settle(tracker)
    expect(tracker.oom.waits).toBe(false)
  }
}

describe('a kill that only the slice has counted', () => {
  const cases: Readonly<Record<string, Case>> = {
    'is of the only one that it can have been': { units: { b: 'killed' }, kills: 1, suspects: ['b!'], told: ['b 1'] },
    'however that ended': { units: { b: 'failed' }, kills: 2, suspects: ['b'], told: ['b 2'] },
    'also where it came and went unseen': { units: { b: 'killed' }, kills: 1, suspects: ['b?'], told: ['b 1'] },
    'is of each, where as many were killed': {
      units: { b: 'killed', c: 'killed', d: 'killed' },
      kills: 3,
      suspects: ['b!', 'c?', 'd!'],
      told: ['b 1', 'c 1', 'd 1'],
    },
    'is of nobody, where it can have been another': {
      units: { b: 'killed', c: 'killed' },
      kills: 1,
      suspects: ['b!', 'c!'],
      told: [],
      undecided: { oom_ambiguous: 1 },
    },
    'nor where one of them has no unit': {
      units: { b: 'killed' },
      kills: 1,
      suspects: ['b!', '-!'],
      told: [],
      undecided: { oom_ambiguous: 1 },
    },
    'nor where one lost a process, as it seems, and ended by itself': {
      units: { b: 'killed', c: 'failed' },
      kills: 1,
      suspects: ['b?', 'c!'],
      told: [],
      undecided: { oom_ambiguous: 1 },
    },
    'is of the one that SIGKILL ended, among those that came and went': {
      units: { b: 'killed', c: 'failed', d: 'stopped', e: 'crashed' },
      kills: 1,
      suspects: ['b?', 'c?', 'd?', 'e?'],
      told: ['b 1'],
    },
    'a shell says it of its child': {
      units: { b: 'a shell says killed', c: 'failed' },
      kills: 1,
      suspects: ['b?', 'c?'],
      told: ['b 1'],
    },
    'is not of one whose own counter has told': {
      units: { b: 'killed', c: 'killed' },
      counted: { c: 1 },
      kills: 1,
      suspects: ['b!', 'c!'],
      told: ['b 1'],
    },
    'but may be, where that was a worker that it lost long before': {
      units: { b: 'killed', c: 'killed' },
      counted: { c: 1 },
      countedMs: 3_600_000,
      kills: 1,
      suspects: ['b!', 'c!'],
      told: [],
      undecided: { oom_ambiguous: 1 },
    },
    'is of the one of which systemd knows, and of no other beside it': {
      units: { b: 'killed', c: 'oom-kill' },
      kills: 1,
      suspects: ['b!', 'c!'],
      told: [],
    },
    'the second is of the other, then': {
      units: { b: 'killed', c: 'oom-kill' },
      kills: 2,
      suspects: ['b!', 'c!'],
      told: ['b 1'],
    },
    'but not where there are two others': {
      units: { b: 'killed', c: 'oom-kill', d: 'killed' },
      kills: 2,
      suspects: ['b!', 'c!', 'd?'],
      told: [],
      undecided: { oom_ambiguous: 1 },
    },
    'but may be, where whole groups were killed and only some of one was counted': {
      units: { b: 'killed', c: 'killed' },
      counted: { c: 1 },
      kills: 1,
      grouped: true,
      suspects: ['b!', 'c!'],
      told: [],
      undecided: { oom_ambiguous: 1 },
    },
    'is nobody’s, where all can be of one group': {
      units: { b: 'killed', c: 'killed' },
      kills: 3,
      grouped: true,
      suspects: ['b!', 'c?'],
      told: [],
      undecided: { oom_ambiguous: 3 },
    },
    'is a group’s': { units: { b: 'killed' }, kills: 3, grouped: true, suspects: ['b!'], told: ['b 3'] },
    'is nobody’s, where not all are known that it can have been': {
      units: { b: 'killed' },
      kills: 1,
      incomplete: true,
      suspects: ['b!'],
      told: [],
      undecided: { oom_incomplete: 1 },
    },
    'or nobody is known': { units: {}, kills: 2, suspects: [], told: [], undecided: { oom_unfound: 2 } },
    'or whoever it was has no unit': { units: {}, kills: 1, suspects: ['-!'], told: [], undecided: { oom_unfound: 1 } },
    'or no end of it is known': {
      units: { b: 'nothing known' },
      kills: 1,
      suspects: ['b!'],
      told: [],
      undecided: { oom_unfound: 1 },
    },
    'is of the run that had ended by then, not of the next': {
      units: { b: 'killed, and restarted, and killed' },
      kills: 1,
      suspects: ['b?'],
      told: ['b 1'],
    },
  }
  for (const [name, one] of Object.entries(cases)) test(name, () => check(one))
})

test('it waits for the end of its run, and no longer than others do', () => {
  const { starts, ends } = lives({ b: 'killed', c: 'nothing known' })
  const tracker = newTracker()
  for (const step of starts) step(tracker)
  expect(tracker.oom.takeLoss(lossOf({ kills: 2, suspects: ['b!', 'c!'] }), 1n)).toEqual([])
  expect(tracker.oom.waits).toBe(true)
  const told = [...ends, settle].flatMap((step) => step(tracker))
  expect(told.filter(isKill)).toEqual([])
  expect(settle(tracker).map(({ traceId }) => traceId)).toEqual([runOf('b')])
})

test('it is said before the failure it explains, where that comes later', () => {
  const { starts, ends } = lives({ b: 'killed' })
  const tracker = newTracker()
  for (const step of starts) step(tracker)
  tracker.oom.takeLoss(lossOf({ kills: 1, suspects: ['b!'] }), 1n)
  const told = ends.flatMap((step) => step(tracker))
  expect(told.map(({ name, attributes }) => [name, attributes[attr.errorType]])).toEqual([
    [event.oomKilled, 'oom-kill'],
    [event.failed, 'oom-kill'],
  ])
  expect(told[0]!.attributes[attr.evidence]).toEqual(['slice.memory.events'])
})

test('two receivers that tell of the same loss are one', () => {
  check({ units: { b: 'killed' }, kills: 1, suspects: ['b!'], told: ['b 1'] })
  const { starts, ends } = lives({ b: 'killed' })
  const tracker = newTracker()
  const loss = lossOf({ kills: 1, suspects: ['b!'] })
  for (const step of [...starts, ...ends]) step(tracker)
  const told = [tracker.oom.takeLoss(loss, 1n), tracker.oom.takeLoss(loss, 1n), settle(tracker), settle(tracker)]
  expect(told.flat().filter(isKill)).toHaveLength(1)
})

/** A generator of its own: the same stories each time. */
function seeded(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * below)
  }
}

test('never more are told than the slice has counted, whatever happened', () => {
  const kinds = Object.keys(ends).filter((end) => !end.includes('restarted')) as End[]
  let all = 0
  for (let seed = 1; seed <= 500; seed++) {
    const upTo = seeded(seed)
    const letters = ['b', 'c', 'd', 'e', 'f', '2', '3'].slice(0, 1 + upTo(7))
    const units = Object.fromEntries(letters.map((letter) => [letter, kinds[upTo(kinds.length)]!]))
    const suspects = letters.filter(() => upTo(3) > 0).map((letter) => letter + ['', '!', '?'][upTo(3)]!)
    const kills = 1 + upTo(4)
    const life = lives(units)
    const steps = [...life.ends]
    steps.splice(upTo(steps.length + 1), 0, (tracker) =>
      tracker.oom.takeLoss(lossOf({ kills, suspects, grouped: upTo(4) === 0, incomplete: upTo(8) === 0 }), 1n),
    )
    const tracker = newTracker()
    for (const step of life.starts) step(tracker)
    const told = [...steps, settle, settle, settle].flatMap((step) => step(tracker)).filter(isKill)
    // What systemd itself says is no word of the slice's.
    const ofSlice = told
      .filter(bySlice)
      .filter(({ attributes }) => !(attributes[attr.evidence] as string[]).includes('result'))
    const sum = ofSlice.reduce((total, { attributes }) => total + Number(attributes[attr.oomKills]), 0)
    const undecided = Object.values(tracker.oom.undecided).reduce((a, b) => a + b)
    expect(sum + undecided, `seed ${seed}`).toBeLessThanOrEqual(kills)
    for (const { traceId } of ofSlice) expect(suspects.map((text) => runOf(text[0]!))).toContain(traceId)
    all += sum
  }
  expect(all).toBeGreaterThan(100)
})

test('the memory of losses is bounded: of those too many nobody is waited for', () => {
  const tracker = newTracker()
  for (let i = 0; i < 1000; i++) tracker.oom.takeLoss(lossOf({ kills: 1, suspects: ['b!'] }), 1n)
  expect(tracker.oom.undecided.oom_unfound).toBe(1000 - 64)
})
