import { totalmem } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

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
  collectGarbage() {
    garbageCollector()()
  },
}

/** `gc` of --expose-gc; V8 also hands it out later, in a context made after the flag was set. */
function garbageCollector(): () => void {
  if (typeof globalThis.gc === 'function') return globalThis.gc as () => void
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}
