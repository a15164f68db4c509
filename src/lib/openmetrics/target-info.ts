import type { Resource } from '../../data/resource.js'
import type { Labels } from './family.js'
import { identityLabels, mergeLabels, remainingLabels } from './labels.js'

/** Entities that are no units are the agent, the host, and what an agent is sent by others: few, else it is not worth the time. */
export const kMaxCompared = 16

/** The labels of a resource's `target_info`. */
export function infoLabels(resource: Resource): Labels {
  return mergeLabels(identityLabels(resource), remainingLabels(resource))
}

/** To compare what two resources tell. */
export function wordsOf(labels: Labels): ReadonlySet<string> {
  return new Set(labels.map((label) => label.join('=')))
}

/**
 * Two resources may describe one entity, one of them in more detail: the receivers' host and the agent itself, which knows its
 * version, too. Who joins `target_info` needs one line of each, so the fuller one stays.
 */
export function isTold(own: ReadonlySet<string>, others: readonly ReadonlySet<string>[]): boolean {
  return others.some((other) => other.size > own.size && [...own].every((word) => other.has(word)))
}
