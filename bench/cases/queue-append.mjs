import { closeSync, openSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { entriesOf, kBatchBytes, kBatchItems, openQueue, tempFolder } from '../lib/disk-queue.mjs'

const points = [
  { name: '1 at a time', atOnce: 1, batches: 300 },
  { name: '16 at once', atOnce: 16, batches: 1600 },
]

/** Batches that are kept while `atOnce` callers wait, each for its own. @param {(batch: number) => Promise<void>} keep */
async function keepAll({ atOnce, batches }, quick, keep) {
  const count = quick ? batches / 4 : batches
  let next = 0
  const caller = async () => {
    while (next < count) await keep(next++)
  }
  const start = process.cpuUsage()
  const startMs = performance.now()
  await Promise.all(Array.from({ length: atOnce }, caller))
  const ms = performance.now() - startMs
  const { user, system } = process.cpuUsage(start)
  return { ms: ms / count, cpu: (user + system) / count }
}

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'queue-append',
  question: 'What does it cost to have a batch on the disk?',
  notes:
    'Batches of 512 spans (180 KB), each answered when fdatasync(2) says that it is on the disk of the temporary folder. The bare loop is one ' +
    'write and one fdatasync for each batch, by as many callers on one file, which take turns. CPU is user and system time of all threads.',
  figures: {
    ms: { title: 'ms per batch', ratio: true },
    cpu: { title: 'CPU us per batch' },
  },
  points,
  setUp: async (point) => ({ point, ...tempFolder() }),
  tearDown: async ({ remove }) => remove(),
  ways: [
    {
      name: 'unitscope',
      async run({ point, folder }, { quick }) {
        const { queue, restored } = await openQueue(join(folder, 'queue'))
        if (restored !== 0) throw new Error('something was left')
        const entries = entriesOf(1, kBatchBytes, kBatchItems)
        const figures = await keepAll(point, quick, async () => {
          const kept = await queue.append(entries, () => true)
          if (kept.places === undefined) throw new Error(`not kept: ${kept.kind}`)
          // As a server that takes everything would.
          void queue.settle(kept.places)
        })
        if (queue.items !== 0) throw new Error(`${queue.items} items are left`)
        await queue.close()
        return figures
      },
    },
    {
      name: 'write + fdatasync',
      async run({ point, folder }, { quick }) {
        const path = join(folder, 'bare')
        closeSync(openSync(path, 'w'))
        const file = await open(path, 'r+')
        const bytes = Buffer.alloc(kBatchBytes, 'unitscope ')
        let turn = Promise.resolve()
        const figures = await keepAll(point, quick, (batch) => {
          turn = turn.then(async () => {
            await file.write(bytes, 0, bytes.length, batch * bytes.length)
            await file.datasync()
          })
          return turn
        })
        await file.close()
        return figures
      },
    },
  ],
  gates: [{ figure: 'ms', way: 'write + fdatasync', over: 'unitscope', point: points[1].name, atLeast: 1, aim: 1.5 }],
}
