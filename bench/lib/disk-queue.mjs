import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { product } from './product.mjs'

/** As exporters write it: 512 spans. */
export const kBatchBytes = 180_000
export const kBatchItems = 512

/** A folder of its own: on what disk says `TMPDIR`. */
export function tempFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'unitscope-bench-queue-'))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** A queue whose owner must not be told of anything. */
export async function openQueue(folder, part = {}) {
  const { DiskQueue } = await product('lib/queue/disk-queue.js')
  const { systemDisk: disk } = await product('lib/queue/disk.js')
  const { systemClock: clock } = await product('util/clock.js')
  const fail = (what) => (reason) => {
    if (reason !== undefined) throw new Error(`${what}: ${reason}`)
  }
  const owner = {
    evict: fail('evicted'),
    dropped: (items) => fail('dropped')(items || undefined),
    error: fail('error'),
    trouble: fail('trouble'),
    damaged: fail('damaged'),
  }
  const options = { folder, maxBytes: 2 ** 32, fsync: 'always', intervalMs: 500, overflow: 'block', clock, disk }
  return DiskQueue.open({ ...options, ...part }, owner)
}

/** Entries that are all of these bytes. */
export function entriesOf(count, byteLength, items) {
  const chunks = [Buffer.alloc(byteLength, 'unitscope ')]
  return Array.from({ length: count }, () => ({ kind: 3, items, chunks, byteLength }))
}
