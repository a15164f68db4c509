import { loadNative } from '../binding/native.js'
import type { Clock, Timer } from '../util/clock.js'
import { collectGarbage } from '../util/collect-garbage.js'

/** What the keeper sees of this process's memory, and what it does to it. */
export interface Memory {
  /** JavaScript heap in use, garbage included, bytes. */
  heapUsedBytes(): number
  /** Share of the time since the last call in which the event loop was busy, 0 to 1. */
  busy(): number
  /** Collects garbage, compacts the heap, and gives free memory back to the kernel; blocks for some 10 ms. */
  giveBack(): void
}

/** That of this process. Without the addon only the JavaScript heap is given back. */
export function processMemory(): Memory {
  const loaded = loadNative()
  let last = performance.eventLoopUtilization()
  return {
    heapUsedBytes: () => process.memoryUsage().heapUsed,
    busy() {
      const now = performance.eventLoopUtilization()
      const { utilization } = performance.eventLoopUtilization(now, last)
      last = now
      return utilization
    },
    giveBack() {
      collectGarbage({ compact: true })
      if ('native' in loaded) loaded.native.releaseFreeMemory()
    },
  }
}

/** By then every receiver has read what there is at the start. */
export const kSettleMs = 3000
const kLookMs = 10_000
/** V8 lets 8 MiB of garbage gather in a heap of any size before it collects. */
const kWorthBytes = 2 * 2 ** 20
/** A busy agent is left to V8, which collects beside the work. */
const kIdleShare = 0.1
/** What giving back may take of all time: a heap that takes 20 ms is looked at every 40 s at most. */
const kShareOfTime = 1 / 2000

/**
 * Keeps the memory of an agent at rest near what it needs. Reading the configuration and all units leaves as much garbage
 * as the agent will ever hold, and each collection interval a little more (decision 0133).
 *
 * @returns what ends it
 */
export function keepMemoryLow(clock: Clock, memory: Memory): { close(): void } {
  let keptBytes = 0
  let notBeforeMs = 0
  let timer: Timer
  const giveBack = (): void => {
    const startMs = clock.monotonicMs()
    memory.giveBack()
    const endMs = clock.monotonicMs()
    notBeforeMs = endMs + (endMs - startMs) / kShareOfTime
    keptBytes = memory.heapUsedBytes()
  }
  const look = (): void => {
    const idle = memory.busy() < kIdleShare
    const usedBytes = memory.heapUsedBytes()
    // V8 may have gone below by itself: what gathers counts from there.
    keptBytes = Math.min(keptBytes, usedBytes)
    const worthIt = usedBytes - keptBytes >= kWorthBytes
    if (idle && worthIt && clock.monotonicMs() >= notBeforeMs) giveBack()
  }
  timer = clock.after(kSettleMs, () => {
    memory.busy()
    giveBack()
    timer = clock.every(kLookMs, look)
  })
  return { close: () => timer.cancel() }
}
