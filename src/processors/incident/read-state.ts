import type { Metric } from '../../data/metric.js'
import type { Standing } from '../../lib/incidents/incident-state.js'
import type { Member } from '../../lib/incidents/member.js'
import type { ReportKind, UnitReport } from '../../lib/incidents/unit-report.js'
import { attr, metric as names } from '../../lib/systemd/names.js'

/** The unit that a metric of states is about; undefined for every other metric. */
export function unitOfState({ name, resource }: Metric): string | undefined {
  const unit = name === names.unitState ? resource.attributes[attr.unit] : undefined
  return typeof unit === 'string' ? unit : undefined
}

/**
 * What a unit's state tells that no event has told: systemd has no signal for `reset-failed`, and an event may have been
 * left out (`max_events_per_second`).
 *
 * @returns undefined when it fits what is known, or is older than that
 */
export function reportOfState(metric: Metric, unit: string, scope: string, member: Member): UnitReport | undefined {
  const kind = missedKind(stateIn(metric), member)
  const atNano = metric.points[0]?.timeUnixNano ?? 0n
  if (kind === undefined || atNano <= member.lastNano) return undefined
  return {
    kind,
    unit,
    scope,
    atNano,
    beganNano: atNano,
    runBeganNano: undefined,
    runId: '',
    reason: '',
    verdict: undefined,
    cause: undefined,
    memoryScope: undefined,
    impact: undefined,
    resource: metric.resource,
  }
}

const notUp: ReadonlySet<Standing> = new Set(['gave_up', 'down', 'waiting', 'starting'])

function missedKind(state: string, { standing }: Member): ReportKind | undefined {
  // A oneshot with RemainAfterExit= becomes active without an event: its run was told of when it began.
  if (state === 'active') return notUp.has(standing) ? 'up' : undefined
  // What was taken down is inactive. What has failed is so until somebody says that it is seen to.
  return state === 'inactive' && standing === 'gave_up' ? 'ended' : undefined
}

function stateIn(metric: Metric): string {
  for (const point of metric.points)
    if ('value' in point && Number(point.value) === 1) return String(point.attributes[attr.activeState])
  return ''
}
