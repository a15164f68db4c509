/** Labels of a sample, names already valid; order is the order on the page. */
export type Labels = readonly (readonly [name: string, value: string])[]

/** An exemplar as OpenMetrics 1.0.0 writes it ("Exemplars"): at most 128 characters of names and values together. */
export interface SampleExemplar {
  readonly labels: Labels
  readonly value: number
  readonly timeUnixNano: bigint
}

export interface Sample {
  /** `_total`, `_bucket`, `_sum`, `_count`, `_info` or nothing. */
  readonly suffix: string
  readonly labels: Labels
  readonly value: number | bigint
  readonly exemplar?: SampleExemplar
}

/** One metric family, independent of the text format it is written in. */
export interface Family {
  /** Without `_total` or `_info`. */
  readonly name: string
  readonly type: 'gauge' | 'counter' | 'histogram' | 'info'
  readonly help: string
  /** For OpenMetrics' UNIT line; `name` must end in it. */
  readonly unit?: string
  readonly samples: readonly Sample[]
}
