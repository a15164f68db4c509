import type { Attributes } from '../../data/attributes.js'
import type { Resource } from '../../data/resource.js'
import type { Family } from '../../lib/openmetrics/family.js'
import type { MetricHead } from '../../lib/openmetrics/spelling.js'
import type { Pausable } from '../../util/pausable.js'
import type { Labelled } from './labelled.js'
import type { Part } from './part.js'
import type { StoreView } from './series-store.js'

/** How a profile shows a metric. */
export interface Spelling {
  readonly family: Family
  /** Values are multiplied by it. */
  readonly scale: number
  readonly resource: Labelled<Resource>
  readonly attributes: Labelled<Attributes>
}

/** A set of metric names that dashboards know. */
export interface Profile {
  /** Undefined when the metric has no place in it. */
  spell(head: MetricHead): Spelling | undefined
  /** Families that are made of something else than metrics. */
  others(store: StoreView): Pausable<readonly { readonly family: Family; readonly part: Part }[]>
}
