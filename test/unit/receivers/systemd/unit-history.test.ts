import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ResourcePool } from '../../../../src/data/resource.js'
import type { HistoryEntry } from '../../../../src/lib/systemd/history-entry.js'
import { attr, event } from '../../../../src/lib/systemd/names.js'
import type { History } from '../../../../src/receivers/systemd/history-reader.js'
import type { ReadHistory } from '../../../../src/receivers/systemd/unit-history.js'
import { settle } from '../../../../src/testkit/fake-clock.js'
import { quiet, running, start } from './start.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unitscope-history-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A receiver that keeps state, on a machine whose journal says `history`. */
async function run(history: History, written: Record<string, unknown> = {}) {
  const asked: Parameters<ReadHistory>[0][] = []
  const warnings: string[] = []
  const one = await start(
    { ...quiet, ...written },
    (source) => {
      source.units.set('a.service', running)
      Object.assign(source, {
        readHistory: async (request: Parameters<ReadHistory>[0]) => {
          asked.push(request)
          return history
        },
      })
    },
    {
      stateDirectory: folder,
      resources: new ResourcePool({ 'host.name': 'h', 'systemd.boot_id': 'b'.repeat(32) }),
      logger: { debug() {}, info() {}, error() {}, warn: (text: string) => void warnings.push(text) },
    },
  )
  await settle()
  const gaps = one.exporter.events.filter(({ name }) => name === event.unfilledGap)
  await one.receiver.shutdown()
  return { ...one, asked, warnings, unfilled: gaps.map(({ attributes }) => attributes) }
}

const whole: History = { entries: [], gap: undefined }

test('the first start has missed nothing, and asks for nothing; the second asks since 5 s before the end of the first', async () => {
  const first = await run(whole)
  expect(first.asked).toEqual([])
  const { asked, unfilled, warnings } = await run(whole)
  expect(asked.map(({ sinceUsec }) => sinceUsec)).toEqual([Number(first.clock.unixNano() / 1000n) - 5_000_000])
  expect([unfilled, warnings]).toEqual([[], []])
})

test('what cannot be filled is one event with its bounds, a counter, and a line that says why', async () => {
  await run(whole)
  const gap = { startUsec: 1000, endUsec: 6_000_000, reason: 'vacuumed' } as const
  const { unfilled, warnings, telemetry } = await run({ entries: [], gap })
  expect(unfilled).toEqual([
    { [attr.gapReason]: 'vacuumed', [attr.gapStartUsec]: 5_001_000, [attr.gapEndUsec]: 6_000_000 },
  ])
  expect(warnings).toEqual([
    'what happened while nobody listened is not known in full: the journal of that time is gone',
  ])
  expect([...telemetry.errors]).toEqual([['history_incomplete', 1]])
})

test.each([{ history: false }, { scope: 'user' }])('with %j the journal is not asked', async (written) => {
  await run(whole, written)
  expect((await run(whole, written)).asked).toEqual([])
})

test('another journal is asked where one is named', async () => {
  await run(whole)
  const { asked } = await run(whole, { history: { directory: '/host/journal' }, history_max: '2h' })
  expect(asked.map(({ source, maxAgeMs }) => [source, maxAgeMs])).toEqual([[{ directory: '/host/journal' }, 7_200_000]])
})

test('an agent that is stopped while it reads the journal has told nothing, and its successor asks for the same time', async () => {
  await run(whole)
  const kept = async (): Promise<string[]> =>
    Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')))
  const before = await kept()
  const slow = await start(
    quiet,
    (source) => {
      source.units.set('a.service', running)
      Object.assign(source, {
        readHistory: (request: Parameters<ReadHistory>[0]) =>
          new Promise<History>((resolve) => request.signal.addEventListener('abort', () => resolve(whole))),
      })
    },
    { stateDirectory: folder, resources: new ResourcePool({ 'host.name': 'h', 'systemd.boot_id': 'b'.repeat(32) }) },
  )
  await settle()
  await slow.receiver.shutdown()
  expect(slow.exporter.events).toEqual([])
  expect(await kept()).toEqual(before)
})

describe('while it listens', () => {
  const kStampUsec = 1_700_000_000_000_000
  const lost = { kind: 'lost', count: 5 } as const

  /** A receiver that is well, on a machine whose journal says `history`; no state is kept. */
  async function listening(history: History = whole) {
    const since: number[] = []
    const one = await start(quiet, (source) => {
      source.units.set('a.service', { ...running, stateChangeUsec: kStampUsec })
      const readHistory: ReadHistory = async ({ sinceUsec }) => {
        since.push(kStampUsec - sinceUsec)
        return history
      }
      Object.assign(source, { readHistory })
    })
    await settle()
    // As the bus thread reads it, at its own time.
    one.source.send({ kind: 'job_new', unit: 'a.service', jobId: 1 })
    return { ...one, since }
  }

  test('a lost bus: the journal is asked since a little before what was heard last', async () => {
    const { source, clock, since, gaps } = await listening()
    source.lose('gone')
    await clock.advance(1000)
    expect(gaps()).toEqual(['bus_lost'])
    expect(since).toEqual([5_000_000])
  })

  test('a reload: it is not asked', async () => {
    const { source, clock, since, gaps } = await listening()
    source.send({ kind: 'reloading', active: true }, { kind: 'reloading', active: false })
    await clock.advance(5000)
    expect(gaps()).toEqual(['reload'])
    expect(since).toEqual([])
  })

  test('records are lost again and again: it is asked each 3 s, and what comes meanwhile is told after that', async () => {
    const { source, clock, since, told, gaps } = await listening()
    source.send(lost)
    await clock.advance(0)
    await settle()
    expect(since).toHaveLength(1)
    source.send(lost)
    source.send({ kind: 'job_removed', unit: 'a.service', jobId: 1, result: 'done' })
    await clock.advance(2900)
    expect([since.length, gaps().length]).toEqual([1, 1])
    expect(told().filter((text) => text.includes('finished'))).toEqual([])
    await clock.advance(200)
    await settle()
    expect([since.length, gaps().length]).toEqual([2, 2])
    expect(told().filter((text) => text.includes('finished'))).toHaveLength(1)
  })

  test('a gap that the journal cannot fill is one event, from what was heard last', async () => {
    const endUsec = kStampUsec + 9
    const { source, clock, exporter } = await listening({
      entries: [],
      gap: { startUsec: kStampUsec - 5_000_000, endUsec, reason: 'vacuumed' },
    })
    source.lose('gone')
    await clock.advance(1000)
    await settle()
    const unfilled = exporter.events.filter(({ name }) => name === event.unfilledGap)
    expect(unfilled.map(({ attributes }) => [attributes[attr.gapStartUsec], attributes[attr.gapEndUsec]])).toEqual([
      [kStampUsec, endUsec],
    ])
  })

  test('that the journal does not go back to before what was heard is no gap', async () => {
    const { source, clock, exporter, telemetry } = await listening({
      entries: [],
      gap: { startUsec: kStampUsec - 5_000_000, endUsec: kStampUsec - 1, reason: 'vacuumed' },
    })
    source.lose('gone')
    await clock.advance(1000)
    await settle()
    expect(exporter.events.filter(({ name }) => name === event.unfilledGap)).toEqual([])
    expect([...telemetry.errors]).toEqual([])
  })

  describe('and the journal is behind what was read', () => {
    const [first, second] = ['1'.repeat(32), '2'.repeat(32)]
    const seconds = (n: number): number => kStampUsec + n * 1_000_000
    const entry = (kind: HistoryEntry['kind'], n: number, invocationId: string, more: Partial<HistoryEntry> = {}) => ({
      ...{ kind, unit: 'a.service', atUsec: seconds(n), bootId: 'b'.repeat(32), invocationId },
      ...more,
    })
    const missed = [
      entry('failed', 1, first, { result: 'exit-code' }),
      entry('restart_scheduled', 2, first, { nRestarts: 1 }),
      entry('started', 3, second),
    ]
    const before = { ...running, invocationId: first, activeEnterUsec: kStampUsec, stateChangeUsec: kStampUsec }
    const after = {
      ...running,
      invocationId: second,
      nRestarts: 1,
      activeEnterUsec: seconds(3),
      stateChangeUsec: seconds(3),
    }

    /** The bus is lost while the unit fails and is started again; the journal has all of it from the `atLast`th reading on. */
    async function story(atLast: number, setS = 4) {
      let readings = 0
      const one = await start(quiet, (source) => {
        source.units.set('a.service', before)
        const readHistory: ReadHistory = async () => ({
          entries: ++readings < atLast ? [] : missed,
          gap: undefined,
        })
        Object.assign(source, { readHistory })
      })
      await settle()
      one.clock.stepWallClock(BigInt(setS) * 1_000_000_000n)
      one.source.units.set('a.service', after)
      one.source.lose('gone')
      await one.clock.advance(100)
      const happened = (): string[] =>
        one.exporter.events
          .filter(({ name }) => name !== event.gap)
          .map(({ name }) => name.replace('systemd.unit.', ''))
      return { ...one, happened, readings: () => readings }
    }

    test('it is read again until it has all: no failure is left out', async () => {
      const { clock, happened, readings } = await story(4)
      await clock.advance(49)
      expect([readings(), happened()]).toEqual([1, []])
      await clock.advance(50 + 100 + 200)
      expect([readings(), happened()]).toEqual([4, ['failed', 'restarting', 'restarted']])
    })

    test('for 5 s after the last change: then what is known is told', async () => {
      const { clock, happened, readings } = await story(Number.POSITIVE_INFINITY)
      await clock.advance(3000)
      expect(happened()).toEqual([])
      await clock.advance(2000)
      expect([readings(), happened()]).toEqual([9, ['restarting', 'restarted']])
    })

    test('for 5 s in all, where the clock was set back after it', async () => {
      const { clock, happened } = await story(Number.POSITIVE_INFINITY, -3600)
      await clock.advance(4000)
      expect(happened()).toEqual([])
      await clock.advance(2000)
      expect(happened()).toEqual(['restarting', 'restarted'])
    })

    test('a stop does not wait', async () => {
      const { receiver, readings } = await story(Number.POSITIVE_INFINITY)
      await receiver.shutdown()
      expect(readings()).toBeLessThan(3)
    })
  })
})
