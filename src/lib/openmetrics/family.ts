/** Labels of a sample, names already valid; order is the order on the page. */
export type Labels = readonly (readonly [name: string, value: string])[]

/** An exemplar as OpenMetrics 1.0.0 writes it ("Exemplars"): at most 128 characters of names and values together. */
export interface SampleExemplar {
  readonly labels: Labels
  readonly value: number
  readonly timeUnixNano: bigint
}

/** What stands above the samples of a metric family, independent of the text format it is written in. */
export interface Family {
  /** Without `_total` or `_info`. */
  readonly name: string
  readonly type: 'gauge' | 'counter' | 'histogram' | 'info'
  readonly help: string
  /** For OpenMetrics' UNIT line; `name` must end in it. */
  readonly unit?: string
}

/** Endings of the samples of a family; the family owns all these names, whether or not it has such samples now. */
const endings: Readonly<Record<Family['type'], readonly string[]>> = {
  gauge: [''],
  counter: ['', '_total'],
  histogram: ['', '_bucket', '_count', '_sum'],
  info: ['', '_info'],
}

/** All names on a page that belong to the family. */
export function namesOf({ name, type }: Family): readonly string[] {
  return endings[type].map((ending) => name + ending)
}
