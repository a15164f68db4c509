import type { Attributes } from '../data/attributes.js'
import type { SeverityNumber } from '../data/event.js'
import type { Resource } from '../data/resource.js'

/** What a component holds to be the case now, and whoever is called at night should know of: `unitscope incidents` shows it. */
export interface Concern {
  readonly kind: 'incident' | 'pattern' | 'failed_unit'
  readonly severity: SeverityNumber
  /** What it is about: a unit, or the machine. Of an incident its root cause. */
  readonly resource: Resource
  /** One plain sentence. */
  readonly text: string
  /** When it began, nanoseconds since 1970; left out where the agent does not know. */
  readonly sinceUnixNano?: bigint
  /** When `text` was said, where it is not of now. */
  readonly saidUnixNano?: bigint
  /** Named as those of its events. */
  readonly attributes: Attributes
}
