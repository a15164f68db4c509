import { attributeLabels, bucketLabels, identityLabels, identityNames } from '../../lib/openmetrics/labels.js'
import { eventCounter, type MetricHead, spellMetric, targetInfo } from '../../lib/openmetrics/spelling.js'
import { infoLabels, isTold, kMaxCompared, wordsOf } from '../../lib/openmetrics/target-info.js'
import type { Pausable } from '../../util/pausable.js'
import { EventPart } from './event-part.js'
import { kPieceLabels, ofAttributes, ofResource } from './labelled.js'
import { FixedPart } from './part.js'
import type { Profile } from './profile.js'
import type { StoreView } from './series-store.js'
import type { SharedResource } from './shared.js'
import type { Spelling } from './spelling.js'

const byIdentity = ofResource(identityLabels)
const all = ofResource(infoLabels)
const asLabels = ofAttributes(attributeLabels, identityNames)
const asBucketLabels = ofAttributes(bucketLabels, identityNames)

/**
 * Every metric under its OpenTelemetry name as Prometheus spells it, `target_info` with the resources' attributes, and
 * `unitscope_events_total` for the events.
 */
export const unitscopeProfile: Profile = {
  spell,
  *others(store, kept) {
    return [
      { family: targetInfo, part: yield* kept.once(targetInfo, store.resourcesVersion, () => infoPart(store)) },
      { family: eventCounter, part: yield* kept.once(eventCounter, store.eventsVersion, () => eventPart(store)) },
    ]
  },
}

function* infoPart(store: StoreView): Pausable<FixedPart> {
  // Quotes in values are escaped, so this is the label itself.
  const isUnit = (resource: SharedResource): boolean => /(^|,)unit="/.test(all.of(resource)!.text)
  const words = (resource: SharedResource): ReadonlySet<string> => wordsOf(infoLabels(resource.content))
  const known: ReadonlySet<string>[] = []
  let looked = 0
  for (const resource of store.resources()) {
    if (++looked % kPieceLabels === 0) yield
    if (known.length < kMaxCompared && !isUnit(resource)) known.push(words(resource))
  }
  const labels: string[] = []
  for (const resource of store.resources()) {
    if (++looked % kPieceLabels === 0) yield
    if (!isUnit(resource) && isTold(words(resource), known)) continue
    labels.push(all.of(resource)!.text)
  }
  return new FixedPart('target_info', labels)
}

// biome-ignore lint/correctness/useYield: there is nothing to pause in
function* eventPart(store: StoreView): Pausable<EventPart> {
  return new EventPart('unitscope_events_total', [...store.events()])
}

function spell(head: MetricHead): Spelling {
  return {
    ...spellMetric(head),
    resource: byIdentity,
    attributes: head.type === 'histogram' ? asBucketLabels : asLabels,
  }
}
