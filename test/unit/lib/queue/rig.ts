import { type Items, signals } from '../../../../src/data/batch.js'
import { totalOf } from '../../../../src/data/tally.js'
import { DiskQueue } from '../../../../src/lib/queue/disk-queue.js'
import type { DiskQueueOptions } from '../../../../src/lib/queue/owner.js'
import type { Entry, Kept, Place } from '../../../../src/lib/queue/segment.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { SimulatedDisk } from '../../../support/simulated-disk.js'

export const folder = '/queue'

/** An entry whose body says which one it is. */
export function entry(id: number, size = 40, items = (id % 3) + 1): Entry {
  const body = Buffer.alloc(size, (id & 0x7f) + 1)
  body.writeUInt32LE(id, 0)
  const chunks = [body.subarray(0, 10), body.subarray(10)]
  return { kind: 1, items, signals: signalsOf(id, items), chunks, byteLength: size }
}

/** Of one signal each, and every fifth of two. */
export function signalsOf(id: number, items: number): Items {
  return id % 5 === 0 ? { metrics: 1, traces: items - 1 } : { [signals[id % signals.length]!]: items }
}

export const idOf = ({ body }: Pick<Kept, 'body'>): number => body.readUInt32LE(0)

/** A queue on a simulated disk, and what it told its owner. */
export async function open(disk: SimulatedDisk = new SimulatedDisk(), part: Partial<DiskQueueOptions> = {}) {
  const clock = new FakeClock()
  const drops = new Map<string, number>()
  const errors = new Map<string, number>()
  const troubles: (string | undefined)[] = []
  const damaged: string[] = []
  let found = 0
  /** Held in memory, and not on the wire. */
  const held = new Map<number, Kept | { items: number; place: Place }>()
  const add = (to: Map<string, number>, key: string, n: number) => to.set(key, (to.get(key) ?? 0) + n)
  const options: DiskQueueOptions = {
    folder,
    maxBytes: 2 ** 20,
    fsync: 'always',
    intervalMs: 500,
    overflow: 'block',
    clock,
    disk,
    ...part,
  }
  const { queue, restored } = await DiskQueue.open(options, {
    evict(isOf) {
      for (const [id, { items, place }] of held) {
        if (!isOf(place)) continue
        held.delete(id)
        add(drops, 'queue_full', items)
        void queue.settle([place])
      }
    },
    signalsOf: (kept) => signalsOf(idOf(kept), kept.items),
    dropped: (items, reason) => void (totalOf(items) > 0 && add(drops, reason, totalOf(items))),
    error: (code) => void add(errors, code, 1),
    trouble: (reason) => troubles.push(reason),
    damaged: (path, { kept }) => void damaged.push(`${path} ${kept ? 'kept' : 'not kept'}`),
    found: (items) => {
      found += items
    },
    known: () => {},
  })
  const put = (ids: readonly number[], size?: number) =>
    queue.append(
      ids.map((id) => entry(id, size)),
      () => false,
    )
  /** All that is there, in order. */
  const drain = async (): Promise<Kept[]> => {
    const all: Kept[] = []
    for (;;) {
      const kept = await queue.read(1)
      if (kept.length === 0) return all
      all.push(...kept)
    }
  }
  return { queue, restored, disk, clock, drops, errors, troubles, damaged, found: () => found, held, put, drain }
}
