import type { ComponentTelemetry } from '../../component/telemetry.js'
import type { UnitTracker } from '../../lib/systemd/unit-tracker.js'

const unit = '{unit}'

/** How many units the receiver has, and what it knows of them. @param buffered - signals between the bus thread and the pipeline */
export function gaugesOf(telemetry: ComponentTelemetry, tracker: UnitTracker, buffered: () => number): void {
  const { series } = tracker
  telemetry.gauge('signals_buffered', 'Signals read and not yet taken.', '{signal}', buffered)
  telemetry.gauge('units', 'Units followed.', unit, () => tracker.size)
  telemetry.gauge('units_remembered', 'Unloaded units whose counts go on.', unit, () => tracker.remembered)
  telemetry.gauge('units_unread', 'Units of which not all is read yet.', unit, () => tracker.unread().length)
  telemetry.gauge('units_untracked', 'Units over the limit, not followed.', unit, () => tracker.untracked)
  telemetry.gauge('units_folded', 'Instances told together, by `fold`.', unit, () => series.folded)
  telemetry.gauge('units_left_out', 'Units without metrics, by `max_series`.', unit, () => series.leftOut)
}
