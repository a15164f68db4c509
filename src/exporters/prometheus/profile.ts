import type { Family } from '../../lib/openmetrics/family.js'
import type { MetricHead } from '../../lib/openmetrics/spelling.js'
import type { Pausable } from '../../util/pausable.js'
import type { KeptText } from './kept-text.js'
import type { Part } from './part.js'
import type { StoreView } from './series-store.js'
import type { Spelling } from './spelling.js'

/** A set of metric names that dashboards know. */
export interface Profile {
  /** Undefined when the metric has no place in it. */
  spell(head: MetricHead): Spelling | undefined
  /** Families that are made of something else than metrics; the parts of the page before where they would be the same. */
  others(store: StoreView, kept: KeptText): Pausable<readonly { readonly family: Family; readonly part: Part }[]>
}
