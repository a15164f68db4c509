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
import type { SeriesRows } from './series-rows.js'
import type { Sheet, Spelled } from './sheet.js'
import type { Spelling } from './spelling.js'

/** Lines of a family, by row. Rows that come while a page is made are not in it. */
export interface Part {
  readonly rows: number
  /** Of what was written of it before. */
  readonly sheet: Sheet
  /** The newest of the versions of a block's rows. */
  version(block: number): number
  /** Greater than all before when the row came to its place or reads differently, its resource's labels apart. */
  rowVersion(row: number): number
  /** No row has a line. */
  isEmpty(): boolean
  /** Attributes and resources may make the same labels: any row may have a twin. */
  readonly mixes: boolean
  /** Whether any row may have a twin in this part. */
  hasTwins(): boolean
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
  readonly sheet: Sheet
  readonly #sampleName: string
  readonly #isHistogram: boolean
  readonly #twins: Twins
  #attributesTwins: ReadonlySet<string> = new Set()
  #mixes = false
  readonly #held: SeriesRows

  /**
   * Takes hold of the rows that are there now. Before the first of them is looked at, `lookAtAttributes` is to be done, and what
   * `twins` is asked for to be known.
   */
  constructor(rows: SeriesRows, { spelling, sheet }: Spelled, twins: Twins) {
    this.rows = rows.size
    this.spelling = spelling
    this.sheet = sheet
    this.#twins = twins
    this.#sampleName = spelling.family.type === 'counter' ? `${spelling.family.name}_total` : spelling.family.name
    this.#isHistogram = spelling.family.type === 'histogram'
    this.#held = rows
  }

  /** There may be as many sets of attributes as rows. Such as come meanwhile are looked at as well, which changes nothing. */
  *lookAtAttributes(): Pausable<void> {
    const { attributes } = this.spelling
    this.#attributesTwins = yield* attributes.twins(this.#held.kinds)
    let looked = 0
    for (const kind of this.#held.kinds) {
      if (++looked % kPieceLabels === 0) yield
      if (attributes.of(kind)?.mixes === true) this.#mixes = true
    }
  }

  get mixes(): boolean {
    return this.#mixes
  }

  version(block: number): number {
    return this.#held.blockVersions[block]!
  }

  rowVersion(row: number): number {
    return this.#held.versions[row]!
  }

  isEmpty(): boolean {
    for (let row = 0; row < this.rows; row++) if (this.#labels(row) !== undefined) return false
    return true
  }

  cameMs(row: number): number {
    return this.#held.stamps[row]!.atMs
  }

  hasTwins(): boolean {
    return this.#twins(this.spelling.resource).size > 0 || this.#attributesTwins.size > 0
  }

  mayHaveTwin(row: number): boolean {
    const resourceTwins = this.#twins(this.spelling.resource)
    if (resourceTwins.size === 0 && this.#attributesTwins.size === 0) return false
    const resource = this.spelling.resource.of(this.#held.resources[row]!)
    const attributes = this.spelling.attributes.of(this.#held.attributes[row]!)
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
    if (this.#isHistogram) return histogramSamples(family.name, labels, this.#held.histograms[row]!, scale, format)
    return [[sampleHead(this.#sampleName, labels), this.#rest(row, format)]]
  }

  #labels(row: number): string | undefined {
    const { resource: byResource, attributes: byAttributes } = this.spelling
    const [resource, attributes] = [this.#held.resources[row]!, this.#held.attributes[row]!]
    const first = byResource.of(resource)
    const second = byAttributes.of(attributes)
    if (first === null || second === null) return undefined
    if (!second.mixes) return joinLabels(first.text, second.text)
    return labelText(mergeLabels(byResource.labels(resource.content)!, byAttributes.labels(attributes.content)!))
  }

  #rest(row: number, format: Format): string {
    const { scale, family } = this.spelling
    const value = scale === 1 ? (this.#held.exact.get(row) ?? this.#held.values[row]!) : this.#held.values[row]! * scale
    if (!format.openMetrics || family.type !== 'counter') return `${number(value)}\n`
    const exemplar = this.#held.exemplars.get(row)
    if (exemplar === undefined) return `${number(value)}\n`
    return `${number(value)}${exemplarText(sampleExemplar(exemplar, scale))}\n`
  }
}

/** Lines that are made beforehand, each saying 1; several may be alike. */
export class FixedPart implements Part {
  readonly sheet: Sheet = []
  readonly mixes = false
  readonly #name: string
  readonly #labels: readonly string[]

  /** @param name - of the samples, ending included */
  constructor(name: string, labels: readonly string[]) {
    this.#name = name
    this.#labels = labels
  }

  get rows(): number {
    return this.#labels.length
  }

  version(): number {
    return 0
  }

  rowVersion(): number {
    return 0
  }

  isEmpty(): boolean {
    return this.#labels.length === 0
  }

  /** Several lines that are alike say the same. */
  cameMs(): number {
    return 0
  }

  hasTwins(): boolean {
    return true
  }

  mayHaveTwin(): boolean {
    return true
  }

  text(row: number): string {
    return `${sampleHead(this.#name, this.#labels[row]!)}1\n`
  }

  samples(row: number): readonly Sample[] {
    return [[sampleHead(this.#name, this.#labels[row]!), '1\n']]
  }
}
