import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export interface CollectOptions {
  /** Pages of the heap with little on them are emptied and given back, which takes about twice as long. */
  readonly compact?: boolean
}

/** Runs a full garbage collection; blocks for some 10 to 100 ms. */
export function collectGarbage({ compact = false }: CollectOptions = {}): void {
  const gc = garbageCollector()
  // V8 reads it at each collection; its own go on with what its heuristics say.
  if (compact) setFlagsFromString('--compact-on-every-full-gc')
  gc()
  if (compact) setFlagsFromString('--no-compact-on-every-full-gc')
}

/** `gc` of --expose-gc; V8 also hands it out later, in a context made after the flag was set. */
function garbageCollector(): () => void {
  if (typeof globalThis.gc === 'function') return globalThis.gc as () => void
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}
