import { getHeapStatistics } from 'node:v8'
import { loadNative } from '../binding/native.js'
import type { Clock, Timer } from '../util/clock.js'
import { collectGarbage } from '../util/collect-garbage.js'

/** What the keeper sees of this process's memory, and what it does to it. */
export interface Memory {
  /**
   * Pages of the JavaScript heap and the buffers that hang on it, garbage included, bytes. Not what is in use: V8 collects by
   * itself and keeps the pages, and a dead buffer is no part of the heap.
   */
  heldBytes(): number
  /** Share of the time since the last call in which the event loop was busy, 0 to 1. */
  busy(): number
  /** Collects garbage and compacts the heap; blocks for some 10 ms. Answers with the CPU time it took, milliseconds. */
  compact(): number
  /** Gives the kernel what malloc(3) holds free; takes about a millisecond. */
  trim(): void
}

/** That of this process. Without the addon nothing is trimmed. */
export function processMemory(): Memory {
  const loaded = loadNative()
  let last = performance.eventLoopUtilization()
  return {
    heldBytes() {
      const { total_physical_size, external_memory } = getHeapStatistics()
      return total_physical_size + external_memory
    },
    busy() {
      const now = performance.eventLoopUtilization()
      const { utilization } = performance.eventLoopUtilization(now, last)
      last = now
      return utilization
    },
    compact() {
      const before = process.cpuUsage()
      collectGarbage({ compact: true })
      const { user, system } = process.cpuUsage(before)
      return (user + system) / 1000
    },
    trim() {
      if ('native' in loaded) loaded.native.releaseFreeMemory()
    },
  }
}

/** By then every receiver of a small host has read what there is at the start. */
export const kSettleMs = 3000
/** A collection of metrics leaves the most garbage, and is over within a second: what it left goes soon after. */
const kLookMs = 2500
/** V8 lets 8 MiB of garbage gather in a heap of any size before it collects, and keeps most of the pages then. */
const kWorthBytes = 2 * 2 ** 20
/**
 * A busy agent is left to V8, which collects beside the work. At rest it is busy for less, but for the seconds in which metrics are collected. A full
 * collection where much happens also costs what V8 knows of objects of which none is alive at the moment: code made for them is thrown away.
 */
const kIdleShare = 0.03
/**
 * What compacting may take of all time. A heap of 1000 units takes 25 ms, and may be compacted after each collection of
 * metrics: V8 would collect twice in that time, in 20 ms each, and keep the pages.
 */
const kShareOfTime = 1 / 200
/** Blocks of malloc(3) come and go with every request, whether the agent is busy or not. */
const kTrimMs = 10_000

/**
 * Keeps the memory of an agent at rest near what it needs. Reading the configuration and all units leaves as much garbage
 * as the agent will ever hold, and each collection interval a little more (decision 0133).
 *
 * @returns what ends it
 */
export function keepMemoryLow(clock: Clock, memory: Memory): { close(): void } {
  let keptBytes = 0
  let compactFromMs = 0
  let trimFromMs = 0
  let timer: Timer
  const trim = (): void => {
    memory.trim()
    trimFromMs = clock.monotonicMs() + kTrimMs
  }
  const compact = (): void => {
    const tookMs = memory.compact()
    compactFromMs = clock.monotonicMs() + tookMs / kShareOfTime
    keptBytes = memory.heldBytes()
    trim()
  }
  const look = (): void => {
    const idle = memory.busy() < kIdleShare
    const heldBytes = memory.heldBytes()
    // V8 may have gone below by itself: what gathers counts from there.
    keptBytes = Math.min(keptBytes, heldBytes)
    const worthIt = heldBytes - keptBytes >= kWorthBytes
    const nowMs = clock.monotonicMs()
    if (idle && worthIt && nowMs >= compactFromMs) compact()
    else if (nowMs >= trimFromMs) trim()
  }
  timer = clock.after(kSettleMs, () => {
    memory.busy()
    compact()
    compactFromMs = 0 // many units are still being read; that it took long says nothing of an agent at rest
    timer = clock.every(kLookMs, look)
  })
  return { close: () => timer.cancel() }
}
