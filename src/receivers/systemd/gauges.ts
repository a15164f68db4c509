import type { ComponentTelemetry } from '../../component/telemetry.js'
import type { UnitTracker } from '../../lib/systemd/unit-tracker.js'

/** How many units the receiver has, and what it knows of them. @param buffered - signals between the bus thread and the pipeline */
export function gaugesOf(telemetry: ComponentTelemetry, tracker: UnitTracker, buffered: () => number): void {
  const units = (name: string, description: string, count: () => number): void =>
    telemetry.gauge(name, description, '{unit}', count)
  telemetry.gauge('signals_buffered', 'Signals read and not yet taken.', '{signal}', buffered)
  units('units', 'Units followed.', () => tracker.size)
  units('units_remembered', 'Unloaded units whose counts go on.', () => tracker.remembered)
  units('units_unread', 'Units of which not all is read yet.', () => tracker.unread().length)
  units('units_untracked', 'Units over the limit, not followed.', () => tracker.untracked)
  units('units_folded', 'Instances told together, by `fold`.', () => tracker.series.folded)
  units('units_left_out', 'Units without metrics, by `max_series`.', () => tracker.series.leftOut)
}
