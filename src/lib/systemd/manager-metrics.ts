import type { Metric, NumberPoint } from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'
import type { ControlPlane, Properties } from './control-plane.js'
import { eachOf, gauge, onePoint, point, upDownCounts } from './metric-points.js'
import { attr, metric } from './names.js'

/** Values of Manager.SystemState (systemctl(1), is-system-running). */
export const systemStates = ['initializing', 'starting', 'running', 'degraded', 'maintenance', 'stopping'] as const

/** What the manager passes on its way up; each has `<stage>Timestamp` and `<stage>TimestampMonotonic`. */
export const bootStages = [
  'Firmware',
  'Loader',
  'Kernel',
  'InitRD',
  'Userspace',
  'Finish',
  'SecurityStart',
  'SecurityFinish',
  'GeneratorsStart',
  'GeneratorsFinish',
  'UnitsLoadStart',
  'UnitsLoadFinish',
  'InitRDSecurityStart',
  'InitRDSecurityFinish',
  'InitRDGeneratorsStart',
  'InitRDGeneratorsFinish',
  'InitRDUnitsLoadStart',
  'InitRDUnitsLoadFinish',
] as const

/** What systemd said of itself. */
export interface ManagerReading {
  readonly readNs: bigint
  readonly properties: Properties
}

/** Changes, and is signalled by nothing. */
const changing = ['SystemState'] as const
const pings = ['WatchdogLastPingTimestamp', 'WatchdogLastPingTimestampMonotonic'] as const

/**
 * Reads it. All at once on a new connection and until the start is over (one call); from then on what changes: one Get of
 * 30 us of PID 1, three where it feeds a watchdog device.
 */
export async function readManager(
  plane: ControlPlane,
  known: Properties | undefined,
  nowNs: () => bigint,
): Promise<ManagerReading> {
  if (known === undefined || number(known['FinishTimestamp']) === 0)
    return { properties: await plane.getManagerProperties(), readNs: nowNs() }
  const wanted = watchdogOf(known) === '' ? changing : [...changing, ...pings]
  const values = await Promise.all(wanted.map(async (name) => [name, await plane.getManagerProperty(name)] as const))
  return { properties: { ...known, ...Object.fromEntries(values) }, readNs: nowNs() }
}

/** @param sinceNs - since when this agent runs, for sums */
export function managerMetrics({ readNs, properties }: ManagerReading, host: Resource, sinceNs: bigint): Metric[] {
  const out: Metric[] = []
  const state = text(properties['SystemState'])
  const points = statePoints.at((systemStates as readonly string[]).indexOf(state))!
  const description = '1 for the state systemd as a whole is in, 0 for the others'
  out.push(upDownCounts(metric.systemState, '1', description, host, { sinceNs, nowNs: readNs }, points))
  const version = text(properties['Version'])
  if (version !== '') {
    const main = Number.parseFloat(version.replace(/^v/, ''))
    const points = [point({ [attr.systemdVersion]: version }, Number.isNaN(main) ? 0 : main)]
    out.push(gauge(metric.systemdVersion, '{version}', 'Version of systemd', host, readNs, points, 'double'))
  }
  // Empty on bare metal.
  const virtualization = text(properties['Virtualization']) || 'none'
  out.push(
    gauge(metric.virtualization, '{host}', 'What the host is virtualized by, always 1', host, readNs, [
      point({ [attr.virtualization]: virtualization }, 1),
    ]),
  )
  addBoot(out, properties, host, readNs)
  addWatchdog(out, properties, host, readNs)
  return out
}

const statePoints = eachOf(systemStates.map((state) => Object.freeze({ [attr.systemState]: state })))

function addBoot(out: Metric[], properties: Properties, host: Resource, readNs: bigint): void {
  const realtime: NumberPoint[] = []
  const monotonic: NumberPoint[] = []
  for (const stage of bootStages) {
    const usec = number(properties[`${stage}Timestamp`])
    // A stage that was not passed (no initrd, a container) has none; the kernel's monotonic time is 0 by definition.
    if (usec === 0) continue
    const attributes = { [attr.bootStage]: stage }
    realtime.push(point(attributes, usec / 1e6))
    monotonic.push(point(attributes, number(properties[`${stage}TimestampMonotonic`]) / 1e6))
  }
  if (realtime.length === 0) return
  out.push(gauge(metric.bootTime, 's', 'When the boot passed a stage', host, readNs, realtime, 'double'))
  const what = 'When the boot passed a stage, by the monotonic clock; before the kernel started, how long before'
  out.push(gauge(metric.bootMonotonic, 's', what, host, readNs, monotonic, 'double'))
}

function addWatchdog(out: Metric[], properties: Properties, host: Resource, readNs: bigint): void {
  const device = watchdogOf(properties)
  const enabled = onePoint(device === '' ? 0 : 1)
  out.push(gauge(metric.watchdogEnabled, '{device}', '1 when systemd feeds a watchdog device', host, readNs, enabled))
  if (device === '') return
  const attributes = { [attr.watchdogDevice]: device }
  const seconds = (property: string): NumberPoint[] | undefined => {
    const usec = number(properties[property])
    return usec > 0 && usec < kInfinity ? [point(attributes, usec / 1e6)] : undefined
  }
  for (const [name, unit, property, description] of [
    [metric.watchdogRuntime, 's', 'RuntimeWatchdogUSec', 'How long the watchdog waits before it resets the machine'],
    [metric.watchdogPingTime, 's', 'WatchdogLastPingTimestamp', 'When the watchdog was last fed'],
    [metric.watchdogPingMonotonic, 's', 'WatchdogLastPingTimestampMonotonic', 'The same by the monotonic clock'],
  ] as const) {
    const points = seconds(property)
    if (points !== undefined) out.push(gauge(name, unit, description, host, readNs, points, 'double'))
  }
}

/** USEC_INFINITY: UINT64_MAX. */
const kInfinity = 2 ** 64

function watchdogOf(properties: Properties): string {
  return text(properties['WatchdogDevice'])
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function number(value: unknown): number {
  return typeof value === 'bigint' || typeof value === 'number' ? Number(value) : 0
}
