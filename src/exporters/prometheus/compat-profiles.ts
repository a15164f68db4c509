import type { Attributes } from '../../data/attributes.js'
import type { Resource } from '../../data/resource.js'
import type { Family, Labels } from '../../lib/openmetrics/family.js'
import type { MetricHead } from '../../lib/openmetrics/spelling.js'
import { attr, metric } from '../../lib/systemd/names.js'
import { type Labelled, ofAttributes, ofResource } from './labelled.js'
import type { Profile } from './profile.js'
import type { Spelling } from './spelling.js'

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

/** One attribute under the name it has there. */
function renamed(attribute: string, label: string): Labelled<Attributes> {
  return ofAttributes((attributes) => {
    const value = textOf(attributes[attribute])
    return value === undefined ? undefined : [[label, value]]
  })
}

const host = ofResource(() => [])
const isRunning = ofAttributes((attributes) => (attributes[attr.systemState] === 'running' ? [] : undefined))
const mountAndServiceType = ofAttributes((attributes) => [
  ['mount_type', textOf(attributes[attr.mountType]) ?? ''],
  ['service_type', textOf(attributes[attr.serviceType]) ?? ''],
])

const byName: Labelling = { resource: name, attributes: nothing }
const byNameAndType: Labelling = { resource: nameAndType, attributes: nothing }
const byState: Labelling = { resource: ofSystem(() => []), attributes: state }
const byServiceName: Labelling = { resource: services(nameOf), attributes: nothing }
const byServiceNameAndType: Labelling = { resource: services(nameAndTypeOf), attributes: nothing }
const byNameStateAndServiceType: Labelling = { resource: name, attributes: stateAndServiceType }
const byHost: Labelling = { resource: host, attributes: nothing }
const byRunning: Labelling = { resource: host, attributes: isRunning }
const byVersion: Labelling = { resource: host, attributes: renamed(attr.systemdVersion, 'version') }
const byVirtualization: Labelling = { resource: host, attributes: renamed(attr.virtualization, 'virtualization_type') }
const byStage: Labelling = { resource: host, attributes: renamed(attr.bootStage, 'stage') }
const byDevice: Labelling = { resource: host, attributes: renamed(attr.watchdogDevice, 'device') }
const byUnitInfo: Labelling = { resource: nameAndType, attributes: mountAndServiceType }
const byNameTypeAndState: Labelling = { resource: nameAndType, attributes: state }

const stateHelp = '1 for the state the unit is in, 0 for the others'
const startHelp = 'When the unit became active, in seconds since 1970'
const tasksHelp = 'Tasks the unit has now'
const tasksMaxHelp = 'Tasks the unit may have'
const restartHelp = 'Automatic restarts, as systemd counts them'
const triggerHelp = 'When the timer last elapsed, in seconds since 1970'

const runningHelp = '1 when systemctl is-system-running says `running`'
const virtualizationHelp = 'What the host is virtualized by'
const acceptedHelp = 'Connections accepted (Accept=yes)'
const connectionsHelp = 'Connections open (Accept=yes)'
const refusedHelp = 'Connections refused'
const stampHelp = 'When the unit last did so, in seconds since 1970'
const ipHelp = 'IP traffic, where IPAccounting= is on'
const pingHelp = 'When the watchdog was last fed'

/** Names of node_exporter's systemd collector (prometheus/node_exporter, collector/systemd_linux.go). */
const nodeExporter: readonly Mapping[] = [
  gauge(metric.unitState, 'node_systemd_unit_state', stateHelp, byNameStateAndServiceType),
  gauge(metric.units, 'node_systemd_units', 'Units by state', byState),
  counter(metric.nRestarts, 'node_systemd_service_restart', restartHelp, byName),
  gauge(metric.startTime, 'node_systemd_unit_start_time_seconds', startHelp, byName),
  gauge(metric.pids, 'node_systemd_unit_tasks_current', tasksHelp, byServiceName),
  gauge(metric.pidsLimit, 'node_systemd_unit_tasks_max', tasksMaxHelp, byServiceName),
  gauge(metric.timerLastTrigger, 'node_systemd_timer_last_trigger_seconds', triggerHelp, byName),
  gauge(metric.systemState, 'node_systemd_system_running', runningHelp, byRunning),
  gauge(metric.systemdVersion, 'node_systemd_version', 'Version of systemd', byVersion),
  gauge(metric.virtualization, 'node_systemd_virtualization_info', virtualizationHelp, byVirtualization),
  counter(metric.socketAccepted, 'node_systemd_socket_accepted_connections', acceptedHelp, byName),
  gauge(metric.socketConnections, 'node_systemd_socket_current_connections', connectionsHelp, byName),
  counter(metric.socketRefused, 'node_systemd_socket_refused_connections', refusedHelp, byName),
]

/** Names of prometheus-community/systemd_exporter; `type` is the unit type (service, timer) there. */
const systemdExporter: readonly Mapping[] = [
  gauge(metric.unitState, 'systemd_unit_state', stateHelp, byNameTypeAndState),
  counter(metric.nRestarts, 'systemd_service_restart', restartHelp, byName),
  gauge(metric.startTime, 'systemd_unit_start_time_seconds', startHelp, byNameAndType),
  gauge(metric.pids, 'systemd_unit_tasks_current', tasksHelp, byServiceName),
  gauge(metric.pidsLimit, 'systemd_unit_tasks_max', tasksMaxHelp, byServiceNameAndType),
  gauge(metric.timerLastTrigger, 'systemd_timer_last_trigger_seconds', triggerHelp, byName),
  gauge(metric.unitInfo, 'systemd_unit_info', 'Type of mounts and services', byUnitInfo),
  gauge(metric.activeEnterTime, 'systemd_unit_active_enter_time_seconds', stampHelp, byNameAndType),
  gauge(metric.activeExitTime, 'systemd_unit_active_exit_time_seconds', stampHelp, byNameAndType),
  gauge(metric.inactiveEnterTime, 'systemd_unit_inactive_enter_time_seconds', stampHelp, byNameAndType),
  gauge(metric.inactiveExitTime, 'systemd_unit_inactive_exit_time_seconds', stampHelp, byNameAndType),
  counter(metric.socketAccepted, 'systemd_socket_accepted_connections', acceptedHelp, byName),
  gauge(metric.socketConnections, 'systemd_socket_current_connections', connectionsHelp, byName),
  counter(metric.socketRefused, 'systemd_socket_refused_connections', refusedHelp, byName),
  // Counters, whose names lack the ending that a counter must have here.
  gauge(metric.ipIngressBytes, 'systemd_service_ip_ingress_bytes', ipHelp, byName),
  gauge(metric.ipEgressBytes, 'systemd_service_ip_egress_bytes', ipHelp, byName),
  counter(metric.ipIngressPackets, 'systemd_service_ip_ingress_packets', ipHelp, byName),
  counter(metric.ipEgressPackets, 'systemd_service_ip_egress_packets', ipHelp, byName),
  gauge(metric.bootTime, 'systemd_boot_time_seconds', 'When the boot passed a stage', byStage),
  gauge(metric.bootMonotonic, 'systemd_boot_monotonic_seconds', 'The same by the monotonic clock', byStage),
  gauge(metric.watchdogEnabled, 'systemd_watchdog_enabled', 'Whether systemd feeds a watchdog device', byHost),
  gauge(metric.watchdogRuntime, 'systemd_watchdog_runtime_seconds', 'After which the watchdog resets', byDevice),
  gauge(metric.watchdogPingTime, 'systemd_watchdog_last_ping_time_seconds', pingHelp, byDevice),
  gauge(metric.watchdogPingMonotonic, 'systemd_watchdog_last_ping_monotonic_seconds', pingHelp, byDevice),
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
