import { describe, expect, it, test } from 'vitest'
import type { SignalRecord } from '../../../../src/data/signal-record.js'
import { schema } from '../../../../src/receivers/systemd/config.js'
import { type Gap, RecordQueue } from '../../../../src/receivers/systemd/record-queue.js'
import { selectUnits } from '../../../../src/receivers/systemd/unit-selection.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { brief, newTracker, Script } from '../../lib/systemd/script.js'

const times = { realtimeNs: 1n, boottimeNs: 1n }
const reloading = (active: boolean): SignalRecord => ({ kind: 'reloading', active, ...times })
const owner = (present: boolean): SignalRecord => ({ kind: 'owner_changed', present, ...times })
const lost = (count: number): SignalRecord => ({ kind: 'lost', count, ...times })

function newQueue(max = 1000) {
  const tracker = newTracker()
  const drops: number[] = []
  const selection = selectUnits(createTestConfig(schema))
  return {
    queue: new RecordQueue({ tracker, selection, surroundings: undefined }, max, (records) => drops.push(records)),
    tracker,
    drops,
  }
}

/** A queue whose session has done its first reading. */
function synchronised(max?: number) {
  const made = newQueue(max)
  made.queue.begin()
  made.queue.closeGap()
  made.queue.resume()
  return made
}

describe('what makes it necessary to read all states again', () => {
  test.each<readonly [story: string, records: readonly SignalRecord[], gap: Gap | undefined]>([
    ['daemon-reload', [reloading(true), reloading(false)], { reason: 'reload', lost: 0 }],
    [
      'daemon-reexec: the owner changes in the middle of a reload',
      [reloading(true), owner(true), reloading(false)],
      { reason: 'reexec', lost: 0 },
    ],
    ['a reload that is not over yet', [reloading(true)], undefined],
    ['systemd leaves the bus', [owner(false)], undefined],
    ['systemd leaves the bus and comes back', [owner(false), owner(true)], { reason: 'reexec', lost: 0 }],
    ['systemd comes to a bus that was there first', [owner(true)], undefined],
    ['records were lost', [lost(7)], { reason: 'lost_records', lost: 7 }],
    [
      'a reload, then lost records: the graver reason, once',
      [reloading(true), reloading(false), lost(7)],
      { reason: 'reload', lost: 0 }, // what follows the gap is held until all is read
    ],
  ])('%s', (_story, records, gap) => {
    const { queue } = synchronised()
    queue.take(records)
    expect(queue.gap).toEqual(gap)
  })

  it('of what could not be held, the units alone; of all, once one of the records concerns all', () => {
    const [a, b, c] = ['a.service', 'b.service', 'c.service'].map((unit) => new Script(unit).start(1, unit).records)
    const check = (records: readonly SignalRecord[], gap: Gap): void => {
      const { queue } = newQueue(a!.length)
      queue.begin()
      queue.take([...a!, ...records])
      queue.closeGap()
      queue.resume()
      expect(queue.gap).toEqual(gap)
    }
    const units = new Set(['b.service', 'c.service'])
    check([...b!, ...c!], { reason: 'lost_records', lost: b!.length + c!.length, units })
    check([...b!, reloading(true), ...c!], { reason: 'lost_records', lost: b!.length + c!.length + 1 })
  })

  it('once all units must be read, that stays so', () => {
    const { queue } = synchronised()
    queue.noteGap('lost_records', 1, new Set(['a.service']))
    queue.noteGap('lost_records', 2, new Set(['b.service']))
    expect(queue.gap).toEqual({ reason: 'lost_records', lost: 3, units: new Set(['a.service', 'b.service']) })
    queue.noteGap('lost_records', 4)
    queue.noteGap('lost_records', 1, new Set(['c.service']))
    expect(queue.gap).toEqual({ reason: 'lost_records', lost: 8 })
  })

  it('the gravest of several reasons stays, and losses add up', () => {
    const { queue } = synchronised()
    queue.noteGap('reload')
    queue.noteGap('lost_records', 3)
    queue.noteGap('missed_signals')
    queue.noteGap('lost_records', 4)
    expect(queue.gap).toEqual({ reason: 'lost_records', lost: 7 })
    queue.noteGap('bus_lost')
    expect(queue.gap).toEqual({ reason: 'bus_lost', lost: 7 })
  })

  it('a new session does not wait for the end of a reload that the last one saw begin', () => {
    const { queue, tracker } = synchronised()
    queue.take([reloading(true), owner(false)])
    queue.noteGap('bus_lost')
    queue.begin()
    queue.closeGap()
    // The daemon-reload has ended while nobody listened; systemd was there all the time or comes now: both are known.
    const started = queue.take([owner(true), ...new Script('a.service').start(1, 'a').records])
    expect(started).toEqual([])
    expect(queue.resume().map(brief)).toEqual(['started a', 'job.finished a done'])
    expect(queue.gap).toBeUndefined()
    expect(tracker.reloading).toBe(false)
  })
})

describe('while states are being read', () => {
  it('holds records back, and tells them afterwards in order', () => {
    const { queue } = newQueue()
    queue.begin()
    expect(queue.take(new Script('a.service').start(1, 'a').records)).toEqual([])
    expect(queue.resume().map(brief)).toEqual(['started a', 'job.finished a done'])
  })

  it('holds no more than its limit; what is over is counted, and makes its units to be read again', () => {
    const { queue, drops } = synchronised(3)
    queue.pause()
    const { records } = new Script('a.service').start(1, 'a').u('failed/failed', { result: 'signal', exit: 'killed:9' })
    queue.take(records)
    expect(drops).toEqual([records.length - 3])
    queue.take(records.slice(0, 1))
    expect(drops).toEqual([records.length - 3, 1])
    queue.resume()
    expect(drops).toHaveLength(2) // none twice
    expect(queue.gap).toEqual({ reason: 'lost_records', lost: records.length - 2, units: new Set(['a.service']) })
  })

  it('a gap among the held records holds the ones behind it', () => {
    const { queue } = newQueue()
    queue.begin()
    queue.take([lost(1), ...new Script('a.service').start(1, 'a').records])
    expect(queue.resume()).toEqual([])
    expect(queue.gap).toEqual({ reason: 'lost_records', lost: 1 })
    queue.closeGap()
    expect(queue.resume().map(brief)).toEqual(['started a', 'job.finished a done'])
  })

  it('forgets what a session held that ended before its first reading: the next reading shows it', () => {
    const { queue } = newQueue()
    queue.begin()
    queue.take(new Script('a.service').start(1, 'a').records)
    queue.begin()
    expect(queue.resume()).toEqual([])
  })
})

it('units outside the selection tell nothing', () => {
  const { queue, tracker } = synchronised()
  expect(queue.take(new Script('a.device').start(1, 'a').records)).toEqual([])
  expect(tracker.size).toBe(0)
})
