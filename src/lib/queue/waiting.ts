import type { Items } from '../../data/batch.js'
import { Tally } from '../../data/tally.js'
import type { Appended } from './owner.js'
import type { Entry } from './segment.js'

/** Entries of one call that are to be kept, all or none. */
export interface Waiting {
  readonly entries: readonly Entry[]
  readonly bytes: number
  /** Whether the owner has room for them in memory. */
  readonly wanted: () => boolean
  readonly answer: (appended: Appended) => void
}

/** Takes the first off the line, as many as `maxBytes` hold, but one at least. */
export function takeTogether(line: Waiting[], maxBytes: number): { readonly batch: Waiting[]; readonly bytes: number } {
  const batch: Waiting[] = []
  let bytes = 0
  while (line.length > 0 && (batch.length === 0 || bytes + line[0]!.bytes <= maxBytes)) {
    bytes += line[0]!.bytes
    batch.push(line.shift()!)
  }
  return { batch, bytes }
}

export function signalsOf(batch: readonly Waiting[]): Items {
  const sum = new Tally()
  for (const { entries } of batch) for (const { signals } of entries) sum.add(signals)
  return sum
}
