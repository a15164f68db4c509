import { type RawEvent, Severity } from '../../data/event.js'
import type { Resource, ResourcePool } from '../../data/resource.js'
import { attr, event, journalEvent } from './names.js'
import { hostResource } from './unit-resource.js'

/** Why units were not watched for a while. `missed_signals`: a reconcile found a change that no signal had told. */
export type GapReason =
  | 'bus_lost'
  | 'bus_returned'
  | 'lost_records'
  | 'reload'
  | 'reexec'
  | 'missed_signals'
  | 'agent_restart'
  | 'reboot'

const explanation: Readonly<Record<GapReason, string>> = {
  bus_lost: 'the bus connection was lost',
  bus_returned: "the bus is back, and systemd's private socket was left for it",
  lost_records: 'signals came faster than they could be read',
  reload: 'systemd reloaded its configuration',
  reexec: 'systemd was executed anew',
  missed_signals: 'a unit changed without a signal',
  agent_restart: 'this agent was not running',
  reboot: 'the machine was booted',
}

/** About the agent or systemd themselves: nobody has to look after these. */
const harmless: readonly GapReason[] = ['reload', 'reexec', 'agent_restart', 'reboot']

/**
 * Tells that state was read again after a gap; events inferred from the comparison follow it.
 *
 * @param startUsec - when it began, microseconds since 1970; undefined where that is not known
 */
export function gapEvent(
  pool: ResourcePool,
  reason: GapReason,
  lost: number,
  nowNs: bigint,
  startUsec?: number,
): RawEvent {
  return {
    timeUnixNano: nowNs,
    observedTimeUnixNano: nowNs,
    name: event.gap,
    severity: harmless.includes(reason) ? Severity.info : Severity.warn,
    body: `unit states were read again: ${explanation[reason]}${lost > 0 ? ` (${lost} records lost)` : ''}`,
    attributes: {
      [attr.gapReason]: reason,
      ...(lost > 0 ? { [attr.gapLost]: lost } : {}),
      ...(startUsec === undefined ? {} : { [attr.gapStartUsec]: startUsec, [attr.gapEndUsec]: Number(nowNs / 1000n) }),
    },
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

/** Sums up lines of one unit that were left out because they were too many. */
export function linesSuppressedEvent(resource: Resource, count: number, perSecond: number, nowNs: bigint): RawEvent {
  return {
    timeUnixNano: nowNs,
    observedTimeUnixNano: nowNs,
    name: journalEvent.linesSuppressed,
    severity: Severity.warn,
    body: `${count} log lines were left out: more than ${perSecond} per second (max_lines_per_second)`,
    attributes: { [attr.suppressedCount]: count },
    resource,
  }
}

/** Tells of a time of which nothing can be told any more. */
export function unfilledGapEvent(
  pool: ResourcePool,
  gap: { readonly startUsec: number; readonly endUsec: number; readonly reason: string },
  nowNs: bigint,
): RawEvent {
  const seconds = Math.max(0, gap.endUsec - gap.startUsec) / 1e6
  return {
    timeUnixNano: BigInt(gap.endUsec) * 1000n,
    observedTimeUnixNano: nowNs,
    name: event.unfilledGap,
    severity: Severity.warn,
    body: `the journal has a gap of ${seconds.toFixed(1)} s: ${gap.reason.replace(/_/g, ' ')}`,
    attributes: { [attr.gapReason]: gap.reason, [attr.gapStartUsec]: gap.startUsec, [attr.gapEndUsec]: gap.endUsec },
    resource: hostResource(pool),
  }
}
