import { sampleExemplar } from '../../lib/openmetrics/exemplar.js'
import { exemplarText, type Format, type Sample, sampleHead } from '../../lib/openmetrics/exposition.js'
import type { EventCounter } from './event-counts.js'
import type { Part } from './part.js'
import { kBlockRows } from './series-rows.js'
import type { Sheet } from './sheet.js'

/** Counts of events, as they are when they are written. */
export class EventPart implements Part {
  readonly sheet: Sheet = []
  readonly mixes = false
  readonly #name: string
  readonly #counters: readonly EventCounter[]

  /** @param name - of the samples, ending included */
  constructor(name: string, counters: readonly EventCounter[]) {
    this.#name = name
    this.#counters = counters
  }

  get rows(): number {
    return this.#counters.length
  }

  isEmpty(): boolean {
    return this.#counters.length === 0
  }

  /** A metric of that name and these labels is the newer one. */
  cameMs(): number {
    return 0
  }

  /** The store has one count for all events of the same labels. */
  hasTwins(): boolean {
    return false
  }

  mayHaveTwin(): boolean {
    return false
  }

  version(block: number): number {
    const end = Math.min(this.rows, (block + 1) * kBlockRows)
    let newest = 0
    for (let row = block * kBlockRows; row < end; row++) newest = Math.max(newest, this.#counters[row]!.version)
    return newest
  }

  rowVersion(row: number): number {
    return this.#counters[row]!.version
  }

  text(row: number, format: Format): string {
    return this.samples(row, format)[0]!.join('')
  }

  samples(row: number, format: Format): readonly Sample[] {
    const { labels, count, exemplar } = this.#counters[row]!.last
    const tail = exemplar === undefined || !format.openMetrics ? '' : exemplarText(sampleExemplar(exemplar, 1))
    return [[sampleHead(this.#name, labels), `${count}${tail}\n`]]
  }
}
