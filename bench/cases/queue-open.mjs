import { createReadStream, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { entriesOf, kBatchBytes, kBatchItems, openQueue, tempFolder } from '../lib/disk-queue.mjs'

const kItems = 600_000
const points = [
  {
    name: '600 k items in batches of 512',
    records: Math.ceil(kItems / kBatchItems),
    items: kBatchItems,
    bytes: kBatchBytes,
  },
  { name: '600 k records of one item', records: kItems, items: 1, bytes: 350 },
]

/** Leaves a backlog as an agent does that was killed. */
async function fill({ records, items, bytes }, folder) {
  const { queue } = await openQueue(folder, { fsync: 'never' })
  const kAtOnce = 100
  for (let left = records; left > 0; left -= kAtOnce) {
    const kept = await queue.append(entriesOf(Math.min(left, kAtOnce), bytes, items), () => false)
    if (kept.kind !== 'kept') throw new Error(`not kept: ${kept.kind}`)
  }
  await queue.close()
}

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'queue-open',
  question: 'How long does an agent take to begin with a backlog on the disk?',
  notes:
    'From opening to the first records in hand, which are checked. A start reads what the notes say, not the backlog; that is checked when its ' +
    'turn comes (`all of it`). Beside it: reading the same files, which the kernel has in memory, from end to end.',
  figures: {
    openMs: { title: 'ms to the first records', ratio: true },
    allMs: { title: 'ms to all of it' },
  },
  points,
  async setUp(point) {
    const { folder, remove } = tempFolder()
    const queue = join(folder, 'queue')
    await fill(point, queue)
    return { point, queue, remove }
  },
  tearDown: async ({ remove }) => remove(),
  ways: [
    {
      name: 'unitscope',
      async run({ point, queue: folder }) {
        const start = performance.now()
        const { queue, restored } = await openQueue(folder, { fsync: 'never' })
        let kept = await queue.read(1)
        const openMs = performance.now() - start
        let items = 0
        for (; kept.length > 0; kept = await queue.read(1024 * 1024)) for (const one of kept) items += one.items
        const allMs = performance.now() - start
        await queue.close()
        if (items !== restored || items < kItems || restored !== point.records * point.items)
          throw new Error(
            `of ${point.records} records with ${point.items} items ${restored} were told of and ${items} came`,
          )
        return { openMs, allMs }
      },
    },
    {
      name: 'reading the files',
      async run({ queue }) {
        const start = performance.now()
        let bytes = 0
        for (const name of readdirSync(queue))
          for await (const chunk of createReadStream(join(queue, name), { highWaterMark: 1024 * 1024 }))
            bytes += chunk.length
        const ms = performance.now() - start
        if (bytes < 100 * 1024 * 1024) throw new Error(`only ${bytes} bytes`)
        return { openMs: ms, allMs: ms }
      },
    },
  ],
  gates: points.map(({ name: point }) => ({ figure: 'openMs', way: 'unitscope', point, atMost: 2000, aim: 200 })),
}
