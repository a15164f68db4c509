import type { Family, Labels, Sample } from '../../lib/openmetrics/family.js'
import { attr, metric } from '../../lib/systemd/names.js'
import { flatMapped, type Pausable } from '../../util/pausable.js'
import { isHistogram, type Profile, withExemplar } from './profile.js'
import type { StoreView } from './series-store.js'
import type { Series } from './stored-series.js'

/** The labels that exporter gives; undefined leaves the series out. */
type Labelling = (series: Series) => Labels | undefined

/** One family of another exporter, made of one of our metrics. */
interface Mapping {
  readonly from: string
  readonly name: string
  readonly type: 'gauge' | 'counter'
  readonly help: string
  readonly labels: Labelling
}

function gauge(from: string, name: string, help: string, labels: Labelling): Mapping {
  return { from, name, type: 'gauge', help, labels }
}

function counter(from: string, name: string, help: string, labels: Labelling): Mapping {
  return { from, name, type: 'counter', help, labels }
}

/** The states node_exporter and systemd_exporter know; reloading and maintenance have no series there. */
const states: ReadonlySet<string> = new Set(['active', 'activating', 'deactivating', 'inactive', 'failed'])

const unit = (series: Series): string | undefined => textOf(series.resource.attributes[attr.unit])
const unitType = (series: Series): string => textOf(series.resource.attributes[attr.unitType]) ?? ''
const state = (series: Series): string | undefined => {
  const value = textOf(series.point.attributes[attr.activeState])
  return value !== undefined && states.has(value) ? value : undefined
}

function byName(series: Series): Labels | undefined {
  const name = unit(series)
  return name === undefined ? undefined : [['name', name]]
}

function byNameAndType(series: Series): Labels | undefined {
  const name = byName(series)
  return name && [...name, ['type', unitType(series)]]
}

/** Only services have tasks there; those of a slice would count each of its services twice in a sum. */
function ofService(labels: Labelling): Labelling {
  return (series) => (unitType(series) === 'service' ? labels(series) : undefined)
}

function byState(series: Series): Labels | undefined {
  const of = state(series)
  return of === undefined ? undefined : [['state', of]]
}

/** `type` is the service's Type= (simple, oneshot) there, which no signal carries: empty, as for units without one. */
function byNameStateAndServiceType(series: Series): Labels | undefined {
  const [name, of] = [byName(series), byState(series)]
  return name && of && [...name, ...of, ['type', '']]
}

function byNameTypeAndState(series: Series): Labels | undefined {
  const [name, of] = [byNameAndType(series), byState(series)]
  return name && of && [...name, ...of]
}

const stateHelp = '1 for the state the unit is in, 0 for the others'
const startHelp = 'When the unit became active, in seconds since 1970'
const tasksHelp = 'Tasks the unit has now'
const tasksMaxHelp = 'Tasks the unit may have'
const restartHelp = 'Automatic restarts, as systemd counts them'
const triggerHelp = 'When the timer last elapsed, in seconds since 1970'

/** Names of node_exporter's systemd collector (prometheus/node_exporter, collector/systemd_linux.go). */
const nodeExporter: readonly Mapping[] = [
  gauge(metric.unitState, 'node_systemd_unit_state', stateHelp, byNameStateAndServiceType),
  gauge(metric.units, 'node_systemd_units', 'Units by state', byState),
  counter(metric.nRestarts, 'node_systemd_service_restart', restartHelp, byName),
  gauge(metric.startTime, 'node_systemd_unit_start_time_seconds', startHelp, byName),
  gauge(metric.pids, 'node_systemd_unit_tasks_current', tasksHelp, ofService(byName)),
  gauge(metric.pidsLimit, 'node_systemd_unit_tasks_max', tasksMaxHelp, ofService(byName)),
  gauge(metric.timerLastTrigger, 'node_systemd_timer_last_trigger_seconds', triggerHelp, byName),
]

/** Names of prometheus-community/systemd_exporter; `type` is the unit type (service, timer) there. */
const systemdExporter: readonly Mapping[] = [
  gauge(metric.unitState, 'systemd_unit_state', stateHelp, byNameTypeAndState),
  counter(metric.nRestarts, 'systemd_service_restart', restartHelp, byName),
  gauge(metric.startTime, 'systemd_unit_start_time_seconds', startHelp, byNameAndType),
  gauge(metric.pids, 'systemd_unit_tasks_current', tasksHelp, ofService(byName)),
  gauge(metric.pidsLimit, 'systemd_unit_tasks_max', tasksMaxHelp, ofService(byNameAndType)),
  gauge(metric.timerLastTrigger, 'systemd_timer_last_trigger_seconds', triggerHelp, byName),
]

export const nodeExporterProfile: Profile = (store) => familiesOf(nodeExporter, store)
export const systemdExporterProfile: Profile = (store) => familiesOf(systemdExporter, store)

function* familiesOf(mappings: readonly Mapping[], store: StoreView): Pausable<readonly Family[]> {
  const families: Family[] = []
  for (const mapping of mappings) {
    const samples = yield* flatMapped([...store.seriesOf(mapping.from)], (series) => sampleOf(mapping, series))
    const { name, type, help } = mapping
    if (samples.length > 0) families.push({ name, type, help, samples })
  }
  return families
}

function sampleOf(mapping: Mapping, series: Series): readonly Sample[] {
  const { point } = series
  // Both exporters watch the system manager only; a user's unit of the same name would be a second truth.
  if (isHistogram(point) || series.resource.attributes['systemd.scope'] === 'user') return []
  const labels = mapping.labels(series)
  if (labels === undefined) return []
  if (mapping.type === 'gauge') return [{ suffix: '', labels, value: point.value }]
  return [{ suffix: '_total', labels, value: point.value, ...withExemplar(point.exemplars) }]
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
