import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Tally } from '../../../../src/data/tally.js'
import type { Kept } from '../../../../src/lib/queue/segment.js'
import { settle } from '../../../../src/testkit/fake-clock.js'
import { SimulatedDisk } from '../../../support/simulated-disk.js'
import { entry, idOf, open, signalsOf } from './rig.js'

// Whatever is done to a queue, it agrees with a list in memory: what is acknowledged and not settled comes out, in order, or was
// damaged, dropped or refused, and is counted to the item.

type Action =
  | { readonly do: 'append'; readonly sizes: readonly number[] }
  | { readonly do: 'read'; readonly bytes: number }
  | { readonly do: 'settle'; readonly which: readonly number[] }
  | { readonly do: 'wait' | 'kill' | 'stop' }
  | { readonly do: 'cut' | 'flip'; readonly file: number; readonly at: number; readonly mask: number }
  | { readonly do: 'fail'; readonly code: 'ENOSPC' | 'EIO'; readonly call: 'write' | 'sync'; readonly times: number }

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      sizes: fc.array(fc.integer({ min: 4, max: 600 }), { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('read' as const), bytes: fc.integer({ min: 1, max: 2000 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('settle' as const), which: fc.array(fc.nat(50), { maxLength: 6 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('wait' as const, 'kill' as const, 'stop' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('cut' as const, 'flip' as const),
      file: fc.nat(),
      at: fc.nat(),
      mask: fc.integer({ min: 1, max: 255 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      code: fc.constantFrom('ENOSPC' as const, 'EIO' as const),
      call: fc.constantFrom('write' as const, 'sync' as const),
      times: fc.integer({ min: 1, max: 4 }),
    }),
  },
)

const overflow = fc.constantFrom('block' as const, 'drop_oldest' as const, 'drop_newest' as const)
const fsync = fc.constantFrom('always' as const, 'interval' as const, 'never' as const)

test('a queue agrees with its model', { timeout: 3_600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { minLength: 5, maxLength: 80, size: 'max' }),
      overflow,
      fsync,
      async (actions, policy, sync) => {
        const part = { maxBytes: 12_000, overflow: policy, fsync: sync }
        let disk = new SimulatedDisk()
        let rig = await open(disk, part)
        /** Acknowledged, not settled: by id, with their items. */
        const owed = new Map<number, number>()
        let given: Kept[] = []
        let next = 0
        /** Items given up since the model was last compared. */
        let dropped = 0
        const itemsOf = (ids: Iterable<number>): number => [...ids].reduce((sum, id) => sum + owed.get(id)!, 0)

        /** Whether the next process finds what is owed; what does not come out must be counted. */
        const restart = async (): Promise<void> => {
          delete disk.faults.fail
          disk = disk.afterKill()
          rig = await open(disk, part)
          given = []
          const kept = await rig.drain()
          const found = kept.map(idOf)
          const missing = [...owed.keys()].filter((id) => !found.includes(id))
          const lost = rig.drops.get('damaged') ?? 0
          expect(found).toEqual([...owed.keys()].filter((id) => !missing.includes(id)))
          expect(lost).toBe(itemsOf(missing))
          expect(rig.queue.items).toBe(itemsOf(found))
          // All was read, so of nothing the signal is unknown.
          const known = kept.reduce((sum, one) => sum.add(signalsOf(idOf(one), one.items)), new Tally())
          expect(rig.queue.signals).toEqual(known)
          for (const id of missing) owed.delete(id)
          given = kept
          for (const one of kept) rig.held.set(idOf(one), one)
        }

        for (const one of actions) {
          const before = new Map(rig.drops)
          const dropsOf = (): number => (rig.drops.get('queue_full') ?? 0) - (before.get('queue_full') ?? 0)
          switch (one.do) {
            case 'append': {
              const ids = one.sizes.map(() => next++)
              const entries = ids.map((id, at) => entry(id, one.sizes[at]!))
              const answer = await rig.queue.append(entries, () => false)
              if (policy === 'drop_oldest') {
                // The oldest go: as many items of them as were counted.
                dropped = dropsOf()
                for (const [id, items] of owed) {
                  if (dropped <= 0) break
                  owed.delete(id)
                  dropped -= items
                }
                expect(dropped).toBe(0)
                given = given.filter((kept) => owed.has(idOf(kept)))
              }
              if (answer.kind === 'kept') for (const [at, id] of ids.entries()) owed.set(id, entries[at]!.items)
              break
            }
            case 'read': {
              const kept = await rig.queue.read(one.bytes)
              given.push(...kept)
              for (const each of kept) rig.held.set(idOf(each), each)
              break
            }
            case 'settle': {
              const chosen = new Set(one.which.filter((at) => at < given.length).map((at) => given[at]!))
              await rig.queue.settle([...chosen].map(({ place }) => place))
              given = given.filter((kept) => !chosen.has(kept))
              for (const kept of chosen) {
                owed.delete(idOf(kept))
                rig.held.delete(idOf(kept))
              }
              break
            }
            case 'wait':
              await rig.clock.advance(500)
              break
            case 'kill':
              await restart()
              break
            case 'stop':
              await rig.queue.close()
              await restart()
              break
            case 'cut':
            case 'flip': {
              const logs = [...disk.files.keys()].filter((path) => /^\/queue\/\d+\.log$/.test(path)).sort()
              if (logs.length === 0) break
              await rig.queue.close()
              const left = [...disk.files.keys()].filter((path) => /^\/queue\/\d+\.log$/.test(path)).sort()
              const path = left[one.file % Math.max(left.length, 1)]
              if (path !== undefined) {
                const bytes = Buffer.from(disk.files.get(path)!)
                const at = one.at % bytes.length
                if (one.do === 'flip') bytes[at]! ^= one.mask
                disk.files.set(path, one.do === 'flip' ? bytes : bytes.subarray(0, at))
              }
              await restart()
              break
            }
            case 'fail': {
              let times = one.times
              // Only of logs: what happens when notes cannot be written has a test of its own.
              disk.faults.fail = (kind, path) =>
                kind === one.call && path.endsWith('.log') && times-- > 0 ? one.code : undefined
              break
            }
          }
          await settle()
          expect(rig.queue.items).toBe(itemsOf(owed.keys()))
          expect(rig.queue.bytes).toBeLessThanOrEqual(12_000)
        }
        await restart()
      },
    ),
    { numRuns: Number(process.env['UNITSCOPE_RUNS'] ?? 150) },
  )
})
