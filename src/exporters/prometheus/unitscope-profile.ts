import { attributeLabels, bucketLabels, identityLabels, identityNames } from '../../lib/openmetrics/labels.js'
import { eventCounter, type MetricHead, spellMetric, targetInfo } from '../../lib/openmetrics/spelling.js'
import { infoLabels, isTold, kMaxCompared, wordsOf } from '../../lib/openmetrics/target-info.js'
import type { Pausable } from '../../util/pausable.js'
import { kPieceLabels, ofAttributes, ofResource } from './labelled.js'
import { type FixedLine, FixedPart } from './part.js'
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
  *others(store) {
    return [
      { family: targetInfo, part: new FixedPart('target_info', yield* infoLines(store)) },
      { family: eventCounter, part: new FixedPart('unitscope_events_total', yield* eventLines(store)) },
    ]
  },
}

function* infoLines(store: StoreView): Pausable<readonly FixedLine[]> {
  // Quotes in values are escaped, so this is the label itself.
  const isUnit = (resource: SharedResource): boolean => /(^|,)unit="/.test(all.of(resource)!.text)
  const words = (resource: SharedResource): ReadonlySet<string> => wordsOf(infoLabels(resource.content))
  const known: ReadonlySet<string>[] = []
  let looked = 0
  for (const resource of store.resources()) {
    if (++looked % kPieceLabels === 0) yield
    if (known.length < kMaxCompared && !isUnit(resource)) known.push(words(resource))
  }
  const lines: FixedLine[] = []
  for (const resource of store.resources()) {
    if (++looked % kPieceLabels === 0) yield
    if (!isUnit(resource) && isTold(words(resource), known)) continue
    lines.push({ labels: all.of(resource)!.text, value: 1 })
  }
  return lines
}

function* eventLines(store: StoreView): Pausable<readonly FixedLine[]> {
  const lines: FixedLine[] = []
  for (const { labels, count, exemplar } of store.events()) {
    if ((lines.length + 1) % kPieceLabels === 0) yield
    lines.push({ labels, value: count, exemplar })
  }
  return lines
}

function spell(head: MetricHead): Spelling {
  return {
    ...spellMetric(head),
    resource: byIdentity,
    attributes: head.type === 'histogram' ? asBucketLabels : asLabels,
  }
}
