import type { Resource, ResourcePool } from '../../data/resource.js'
import type { DetailMetrics } from './detail-metrics.js'
import type { Expectations } from './expectations.js'
import type { MetricSwitches } from './metric-groups.js'
import type { TrackedUnit } from './tracked-unit.js'

/** What the metrics of units are made with. */
export interface MetricContext {
  /** Asked anew for each part, for a collection may take longer than its pipeline is patient. */
  readonly now: () => bigint
  readonly resource: (name: string, unit: TrackedUnit) => Resource
  readonly pool: ResourcePool
  readonly on: MetricSwitches
  readonly details: DetailMetrics
  readonly expectations: Expectations
  /** Points of units that a collection may have; 0 for no limit. */
  readonly maxSeries: number
  /** Told how many units have no metrics, for there would be more series than that. */
  readonly onLeftOut: (units: number) => void
}
