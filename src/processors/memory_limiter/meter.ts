import { totalmem } from 'node:os'
import { collectGarbage } from '../../util/collect-garbage.js'

/** What the limiter reads of the world, and the one thing it does to it. */
export interface MemoryMeter {
  /** Resident memory of this process, bytes: heap, buffers, native memory and code together. */
  usedBytes(): number
  /** The smaller of the cgroup's limit and the machine's memory, bytes. */
  availableBytes(): number
  /** Runs a full garbage collection; blocks for some 10 to 100 ms. */
  collectGarbage(): void
}

/** The real thing: getrusage-cheap, no file is opened here per check (libuv reads /proc/self/stat). */
export const processMeter: MemoryMeter = {
  usedBytes: () => process.memoryUsage.rss(),
  availableBytes() {
    // memory.max of our own cgroup (v1 and v2, by libuv); without a limit it gives 0 or a number beyond all memory.
    const limit = process.constrainedMemory()
    const total = totalmem()
    return limit > 0 && limit < total ? limit : total
  },
  collectGarbage: () => collectGarbage(),
}
