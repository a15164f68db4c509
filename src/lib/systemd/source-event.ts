import { type RawEvent, Severity } from '../../data/event.js'
import type { ResourcePool } from '../../data/resource.js'
import { attr, event } from './names.js'
import { hostResource } from './unit-resource.js'

/** Why units were not watched for a while. `missed_signals`: a reconcile found a change that no signal had told. */
export type GapReason = 'bus_lost' | 'bus_returned' | 'lost_records' | 'reload' | 'reexec' | 'missed_signals'

const explanation: Readonly<Record<GapReason, string>> = {
  bus_lost: 'the bus connection was lost',
  bus_returned: "the bus is back, and systemd's private socket was left for it",
  lost_records: 'signals came faster than they could be read',
  reload: 'systemd reloaded its configuration',
  reexec: 'systemd was executed anew',
  missed_signals: 'a unit changed without a signal',
}

/** Tells that state was read again after a gap; events inferred from the comparison follow it. */
export function gapEvent(pool: ResourcePool, reason: GapReason, lost: number, nowNs: bigint): RawEvent {
  const harmless = reason === 'reload' || reason === 'reexec'
  return {
    timeUnixNano: nowNs,
    observedTimeUnixNano: nowNs,
    name: event.gap,
    severity: harmless ? Severity.info : Severity.warn,
    body: `unit states were read again: ${explanation[reason]}${lost > 0 ? ` (${lost} records lost)` : ''}`,
    attributes: { [attr.gapReason]: reason, ...(lost > 0 ? { [attr.gapLost]: lost } : {}) },
    resource: hostResource(pool),
  }
}

/** Sums up events left out because they were too many. */
export function suppressedEvent(pool: ResourcePool, count: number, perSecond: number, nowNs: bigint): RawEvent {
  return {
    timeUnixNano: nowNs,
    observedTimeUnixNano: nowNs,
    name: event.suppressed,
    severity: Severity.warn,
    body: `${count} events were left out: more than ${perSecond} per second (max_events_per_second)`,
    attributes: { [attr.suppressedCount]: count },
    resource: hostResource(pool),
  }
}
