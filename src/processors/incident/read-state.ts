import { type Metric, timeOf } from '../../data/metric.js'
import type { Standing } from '../../lib/incidents/incident-state.js'
import type { Member } from '../../lib/incidents/member.js'
import type { ReportKind, UnitReport } from '../../lib/incidents/unit-report.js'
import { attr, metric as names } from '../../lib/systemd/names.js'

/** The unit that a metric of states is about; undefined for every other metric. */
export function unitOfState({ name, resource }: Metric): string | undefined {
  const unit = name === names.unitState ? resource.attributes[attr.unit] : undefined
  return typeof unit === 'string' ? unit : undefined
}

/** Those that are to be up, and are not by what events have told. */
const notUp: ReadonlySet<Standing> = new Set(['gave_up', 'down', 'waiting', 'starting'])
/** systemd is at them. */
const moving: ReadonlySet<Standing> = new Set(['failing', 'waiting', 'starting'])

/**
 * What units' states tell that no event has told: systemd has no signal for `reset-failed`, none is told when a oneshot becomes
 * active or a condition keeps a restart from running, and an event may have been left out (`max_events_per_second`).
 */
export class MissedStates {
  /** Of units that systemd was at: what was read last, and when an event had last told of them by then. */
  readonly #read = new WeakMap<Member, { readonly state: string; readonly toldNano: bigint }>()

  /** @returns undefined when it fits what is known, or is older than that */
  report(metric: Metric, unit: string, scope: string, member: Member): UnitReport | undefined {
    const state = stateIn(metric)
    const atNano = readAt(metric)
    const kind = atNano <= member.lastNano ? undefined : this.#missedKind(state, member)
    if (kind === undefined) return undefined
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

  #missedKind(state: string, member: Member): ReportKind | undefined {
    const { standing } = member
    if (state === 'active') return notUp.has(standing) ? 'up' : undefined
    // What was taken down is inactive. What has failed is so until somebody says that it is seen to.
    if (state === 'inactive' && standing === 'gave_up') return 'ended'
    if (!moving.has(standing) || !this.#isSeenAgain(state, member)) return undefined
    return state === 'inactive' ? 'ended' : state === 'failed' ? 'refused' : undefined
  }

  /** Between two runs a unit is down for a moment: only a second reading, without an event between, says that it stays so. */
  #isSeenAgain(state: string, member: Member): boolean {
    const before = this.#read.get(member)
    this.#read.set(member, { state, toldNano: member.lastNano })
    return before?.state === state && before.toldNano === member.lastNano
  }
}

function readAt(metric: Metric): bigint {
  if (metric.type === 'encoded') return 0n
  const [first] = metric.points
  return first === undefined ? 0n : timeOf(metric, first)
}

function stateIn(metric: Metric): string {
  for (const point of metric.points)
    if ('value' in point && Number(point.value) === 1) return String(point.attributes[attr.activeState])
  return ''
}
