import type { Exemplar } from '../../data/metric.js'
import { sampleExemplar } from '../../lib/openmetrics/exemplar.js'
import {
  exemplarText,
  type Format,
  joinLabels,
  labelText,
  number,
  type Sample,
  sampleHead,
} from '../../lib/openmetrics/exposition.js'
import { mergeLabels } from '../../lib/openmetrics/labels.js'
import type { Pausable } from '../../util/pausable.js'
import { histogramSamples } from './histogram-samples.js'
import { kPieceLabels } from './labelled.js'
import type { SeriesTable } from './series-table.js'
import type { Spelling } from './spelling.js'

/** Lines of a family, by row. Rows that come while a page is made are not in it. */
export interface Part {
  readonly rows: number
  /** No row has a line. */
  isEmpty(): boolean
  /** Attributes and resources may make the same labels: any row may have a twin. */
  readonly mixes: boolean
  /** Whether another row of this part may have the same name and labels. */
  mayHaveTwin(row: number): boolean
  /** When its newest numbers came, by the monotonic clock: of twins, the newer one is shown. */
  cameMs(row: number): number
  /** The lines of a row as one text. */
  text(row: number, format: Format): string
  /** The same lines one by one. */
  samples(row: number, format: Format): readonly Sample[]
}

/** Texts by which this rule labels more than one resource. */
export type Twins = (rule: Spelling['resource']) => ReadonlySet<string>

/** The series of one metric as a profile spells them. */
export class MetricPart implements Part {
  readonly rows: number
  readonly spelling: Spelling
  readonly #sampleName: string
  readonly #isHistogram: boolean
  readonly #twins: Twins
  readonly #kinds: SeriesTable['kinds']
  #attributesTwins: ReadonlySet<string> = new Set()
  #mixes = false
  readonly #resources: SeriesTable['resources']
  readonly #attributes: SeriesTable['attributes']
  readonly #values: Float64Array
  readonly #exact: ReadonlyMap<number, bigint>
  readonly #exemplars: ReadonlyMap<number, Exemplar>
  readonly #histograms: SeriesTable['histograms']
  readonly #stamps: SeriesTable['stamps']

  /**
   * Takes hold of the rows as they are now. Before the first of them is looked at, `lookAtAttributes` is to be done, and what
   * `twins` is asked for to be known.
   */
  constructor(table: SeriesTable, spelling: Spelling, twins: Twins) {
    this.rows = table.size
    this.spelling = spelling
    this.#twins = twins
    this.#sampleName = spelling.family.type === 'counter' ? `${spelling.family.name}_total` : spelling.family.name
    this.#isHistogram = table.head.type === 'histogram'
    this.#kinds = table.kinds
    this.#resources = table.resources
    this.#attributes = table.attributes
    this.#values = table.values
    this.#exact = table.exact
    this.#exemplars = table.exemplars
    this.#histograms = table.histograms
    this.#stamps = table.stamps
  }

  /** There may be as many sets of attributes as rows. Such as come meanwhile are looked at as well, which changes nothing. */
  *lookAtAttributes(): Pausable<void> {
    const { attributes } = this.spelling
    this.#attributesTwins = yield* attributes.twins(this.#kinds)
    let looked = 0
    for (const kind of this.#kinds) {
      if (++looked % kPieceLabels === 0) yield
      if (attributes.of(kind)?.mixes === true) this.#mixes = true
    }
  }

  get mixes(): boolean {
    return this.#mixes
  }

  isEmpty(): boolean {
    for (let row = 0; row < this.rows; row++) if (this.#labels(row) !== undefined) return false
    return true
  }

  cameMs(row: number): number {
    return this.#stamps[row]!.atMs
  }

  mayHaveTwin(row: number): boolean {
    const resourceTwins = this.#twins(this.spelling.resource)
    if (resourceTwins.size === 0 && this.#attributesTwins.size === 0) return false
    const resource = this.spelling.resource.of(this.#resources[row]!)
    const attributes = this.spelling.attributes.of(this.#attributes[row]!)
    if (resource === null || attributes === null) return false
    return resourceTwins.has(resource.text) || this.#attributesTwins.has(attributes.text)
  }

  text(row: number, format: Format): string {
    if (this.#isHistogram) {
      let text = ''
      for (const [head, rest] of this.samples(row, format)) text += head + rest
      return text
    }
    const labels = this.#labels(row)
    return labels === undefined ? '' : sampleHead(this.#sampleName, labels) + this.#rest(row, format)
  }

  samples(row: number, format: Format): readonly Sample[] {
    const labels = this.#labels(row)
    if (labels === undefined) return []
    const { family, scale } = this.spelling
    if (this.#isHistogram) return histogramSamples(family.name, labels, this.#histograms[row]!, scale, format)
    return [[sampleHead(this.#sampleName, labels), this.#rest(row, format)]]
  }

  #labels(row: number): string | undefined {
    const { resource: byResource, attributes: byAttributes } = this.spelling
    const [resource, attributes] = [this.#resources[row]!, this.#attributes[row]!]
    const first = byResource.of(resource)
    const second = byAttributes.of(attributes)
    if (first === null || second === null) return undefined
    if (!second.mixes) return joinLabels(first.text, second.text)
    return labelText(mergeLabels(byResource.labels(resource.content)!, byAttributes.labels(attributes.content)!))
  }

  #rest(row: number, format: Format): string {
    const { scale, family } = this.spelling
    const value = scale === 1 ? (this.#exact.get(row) ?? this.#values[row]!) : this.#values[row]! * scale
    if (!format.openMetrics || family.type !== 'counter') return `${number(value)}\n`
    const exemplar = this.#exemplars.get(row)
    if (exemplar === undefined) return `${number(value)}\n`
    return `${number(value)}${exemplarText(sampleExemplar(exemplar, scale))}\n`
  }
}

/** Lines that are made beforehand; several may be alike. */
export class FixedPart implements Part {
  readonly #name: string
  readonly #lines: readonly FixedLine[]
  readonly mixes = false

  /** @param name - of the samples, ending included */
  constructor(name: string, lines: readonly FixedLine[]) {
    this.#name = name
    this.#lines = lines
  }

  get rows(): number {
    return this.#lines.length
  }
  isEmpty(): boolean {
    return this.#lines.length === 0
  }

  /** Several lines that are alike say the same. */
  cameMs(): number {
    return 0
  }

  mayHaveTwin(): boolean {
    return true
  }

  text(row: number, format: Format): string {
    return this.samples(row, format)[0]!.join('')
  }

  samples(row: number, format: Format): readonly Sample[] {
    const { labels, value, exemplar } = this.#lines[row]!
    const tail = exemplar === undefined || !format.openMetrics ? '' : exemplarText(sampleExemplar(exemplar, 1))
    return [[sampleHead(this.#name, labels), `${value}${tail}\n`]]
  }
}

export interface FixedLine {
  readonly labels: string
  readonly value: number
  readonly exemplar?: Exemplar | undefined
}
