import type { Attributes } from '../../data/attributes.js'
import type { Resource } from '../../data/resource.js'
import type { Family } from '../../lib/openmetrics/family.js'
import type { Labelled } from './labelled.js'

/** How a profile shows a metric. */
export interface Spelling {
  readonly family: Family
  /** Values are multiplied by it. */
  readonly scale: number
  readonly resource: Labelled<Resource>
  readonly attributes: Labelled<Attributes>
}
