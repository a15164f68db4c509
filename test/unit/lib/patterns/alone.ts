import type { Detection, DetectorContext } from '../../../../src/lib/patterns/detector.js'

/** What a detector without its host stands on: nothing is ever quiet, steady time is the clock's, and what it tells is kept in `told`. */
export function standAlone(told: Detection[] = []): DetectorContext {
  return {
    tell: (detection) => void told.push(detection),
    unixNano: (atMs) => BigInt(Math.round(atMs * 1000)) * 1000n,
    steadyMs: (unixNano) => Number(unixNano) / 1e6,
    quiet: () => undefined,
    quietUntilMs: (_, atMs) => atMs,
    evicted() {},
    lacks() {},
    random: () => 0.5,
  }
}
