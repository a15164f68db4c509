import type { Attributes } from '../../data/attributes.js'
import type { Resource } from '../../data/resource.js'
import type { Family, Labels } from '../../lib/openmetrics/family.js'
import { attr, metric } from '../../lib/systemd/names.js'
import { type Labelled, ofAttributes, ofResource } from './labelled.js'
import type { Profile, Spelling } from './profile.js'
import type { MetricHead } from './series-table.js'

/** The labels that exporter gives; where a rule gives none the series is left out. */
interface Labelling {
  readonly resource: Labelled<Resource>
  readonly attributes: Labelled<Attributes>
}

/** One family of another exporter, made of one of our metrics. */
interface Mapping {
  readonly from: string
  readonly family: Family
  readonly labels: Labelling
}

function gauge(from: string, name: string, help: string, labels: Labelling): Mapping {
  return { from, family: { name, type: 'gauge', help }, labels }
}

function counter(from: string, name: string, help: string, labels: Labelling): Mapping {
  return { from, family: { name, type: 'counter', help }, labels }
}

/** The states node_exporter and systemd_exporter know; reloading and maintenance have no series there. */
const states: ReadonlySet<string> = new Set(['active', 'activating', 'deactivating', 'inactive', 'failed'])

/** Both exporters watch the system manager only; a user's unit of the same name would be a second truth. */
function ofSystem(labels: (resource: Resource) => Labels | undefined): Labelled<Resource> {
  return ofResource((resource) => (resource.attributes['systemd.scope'] === 'user' ? undefined : labels(resource)))
}

function nameOf({ attributes }: Resource): Labels | undefined {
  const name = textOf(attributes[attr.unit])
  return name === undefined ? undefined : [['name', name]]
}

function nameAndTypeOf(resource: Resource): Labels | undefined {
  const name = nameOf(resource)
  return name && [...name, ['type', unitTypeOf(resource)]]
}

/** Only services have tasks there; those of a slice would count each of its services twice in a sum. */
function services(labels: (resource: Resource) => Labels | undefined): Labelled<Resource> {
  return ofSystem((resource) => (unitTypeOf(resource) === 'service' ? labels(resource) : undefined))
}

function unitTypeOf({ attributes }: Resource): string {
  return textOf(attributes[attr.unitType]) ?? ''
}

function stateOf(attributes: Attributes): Labels | undefined {
  const value = textOf(attributes[attr.activeState])
  return value !== undefined && states.has(value) ? [['state', value]] : undefined
}

const name = ofSystem(nameOf)
const nameAndType = ofSystem(nameAndTypeOf)
const nothing = ofAttributes(() => [])
const state = ofAttributes(stateOf)
/** `type` is the service's Type= (simple, oneshot) there, which no signal carries: empty, as for units without one. */
const stateAndServiceType = ofAttributes((attributes) => {
  const of = stateOf(attributes)
  return of && [...of, ['type', '']]
})

const byName: Labelling = { resource: name, attributes: nothing }
const byNameAndType: Labelling = { resource: nameAndType, attributes: nothing }
const byState: Labelling = { resource: ofSystem(() => []), attributes: state }
const byServiceName: Labelling = { resource: services(nameOf), attributes: nothing }
const byServiceNameAndType: Labelling = { resource: services(nameAndTypeOf), attributes: nothing }
const byNameStateAndServiceType: Labelling = { resource: name, attributes: stateAndServiceType }
const byNameTypeAndState: Labelling = { resource: nameAndType, attributes: state }

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
  gauge(metric.pids, 'node_systemd_unit_tasks_current', tasksHelp, byServiceName),
  gauge(metric.pidsLimit, 'node_systemd_unit_tasks_max', tasksMaxHelp, byServiceName),
  gauge(metric.timerLastTrigger, 'node_systemd_timer_last_trigger_seconds', triggerHelp, byName),
]

/** Names of prometheus-community/systemd_exporter; `type` is the unit type (service, timer) there. */
const systemdExporter: readonly Mapping[] = [
  gauge(metric.unitState, 'systemd_unit_state', stateHelp, byNameTypeAndState),
  counter(metric.nRestarts, 'systemd_service_restart', restartHelp, byName),
  gauge(metric.startTime, 'systemd_unit_start_time_seconds', startHelp, byNameAndType),
  gauge(metric.pids, 'systemd_unit_tasks_current', tasksHelp, byServiceName),
  gauge(metric.pidsLimit, 'systemd_unit_tasks_max', tasksMaxHelp, byServiceNameAndType),
  gauge(metric.timerLastTrigger, 'systemd_timer_last_trigger_seconds', triggerHelp, byName),
]

export const nodeExporterProfile = profileOf(nodeExporter)
export const systemdExporterProfile = profileOf(systemdExporter)

function profileOf(mappings: readonly Mapping[]): Profile {
  const byMetric = new Map(mappings.map((mapping) => [mapping.from, mapping]))
  return {
    spell(head: MetricHead): Spelling | undefined {
      const mapping = byMetric.get(head.name)
      if (mapping === undefined || head.type === 'histogram') return undefined
      return { family: mapping.family, scale: 1, ...mapping.labels }
    },
    // biome-ignore lint/correctness/useYield: there is nothing to pause in
    *others() {
      return []
    },
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
