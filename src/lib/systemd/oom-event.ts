import type { AttributeValue } from '../../data/attributes.js'
import { attr } from './names.js'
import type { Occurrence } from './occurrence.js'
import type { OomTold } from './oom-join.js'
import type { OomReport } from './oom-run.js'

/** A kill as something that happened to its unit. */
export function oomOccurrence({ report, state, before }: OomTold): Occurrence {
  // It was read a moment later than it happened, and an end cannot come first.
  const exitUsec = !report.survived && state.execMainExitUsec > state.execMainStartUsec ? state.execMainExitUsec : 0
  const atUsec = exitUsec > 0 ? Math.min(report.atUsec || exitUsec, exitUsec) : report.atUsec
  return { kind: 'oomKilled', state, before, atUsec: atUsec || state.stateChangeUsec, oom: report }
}

/** What is known of kills for want of memory, as attributes of their event. */
export function oomAttributes(oom: OomReport): Readonly<Record<string, AttributeValue>> {
  const attributes: Record<string, AttributeValue> = {
    [attr.evidence]: [...oom.sources],
    [attr.oomKills]: oom.kills,
    [attr.oomSurvived]: oom.survived,
  }
  const { counter, victim, below, peak, limit } = oom
  if (counter !== undefined) {
    attributes[attr.oomCounterBefore] = counter.before
    attributes[attr.oomCounter] = counter.after
  }
  if (victim !== undefined) {
    attributes[attr.oomVictimPid] = victim.pid
    attributes[attr.oomVictimCommand] = victim.command
    attributes[attr.oomConstraint] = victim.limitedBy === '' ? 'global' : 'memcg'
    if (victim.limitedBy !== '') attributes[attr.oomLimitedBy] = victim.limitedBy
  }
  if (below !== '') attributes[attr.oomCgroup] = below
  if (peak !== undefined) attributes[attr.oomMemoryPeak] = peak
  if (limit !== undefined) attributes[attr.oomMemoryLimit] = limit
  return attributes
}

export function describeOom(unit: string, { survived, kills, victim, below }: OomReport): string {
  const whose = below === '' ? unit : `${unit} (${below})`
  const who = victim === undefined ? '' : `, first ${victim.command} (PID ${victim.pid})`
  if (!survived) return `${whose} was killed because memory ran out${who}`
  return `${whose} lost ${kills === 1 ? 'a process' : `${kills} processes`} because memory ran out${who}, and lives on`
}
