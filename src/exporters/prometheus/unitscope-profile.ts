import { labelText } from '../../lib/openmetrics/exposition.js'
import type { Labels } from '../../lib/openmetrics/family.js'
import { prometheusName } from '../../lib/openmetrics/names.js'
import type { Pausable } from '../../util/pausable.js'
import { kPieceLabels, ofAttributes, ofResource } from './labelled.js'
import { type FixedLine, FixedPart } from './part.js'
import {
  attributeLabels,
  identityLabels,
  identityNames,
  mergeLabels,
  type Profile,
  remainingLabels,
  type Spelling,
} from './profile.js'
import type { StoreView } from './series-store.js'
import type { MetricHead } from './series-table.js'
import type { SharedResource } from './shared.js'

const byIdentity = ofResource(identityLabels)
const all = ofResource((resource) => mergeLabels(identityLabels(resource), remainingLabels(resource)))
const asLabels = ofAttributes(attributeLabels, identityNames)
const asBucketLabels = ofAttributes((attributes) => attributeLabels(attributes).map(ownLe), identityNames)

/**
 * Every metric under its OpenTelemetry name as Prometheus spells it, `target_info` with the resources' attributes, and
 * `unitscope_events_total` for the events.
 */
export const unitscopeProfile: Profile = {
  spell,
  *others(store) {
    return [
      {
        family: {
          name: 'target',
          type: 'info',
          help: 'What is known of each observed entity; join it by the labels they share',
        },
        part: new FixedPart('target_info', yield* infoLines(store)),
      },
      {
        family: {
          name: 'unitscope_events',
          type: 'counter',
          help: 'Events seen since the agent started, by name and unit',
        },
        part: new FixedPart('unitscope_events_total', yield* eventLines(store)),
      },
    ]
  },
}

/** Entities that are no units are the agent, the host, and what an agent is sent by others: few, else it is not worth the time. */
const kMaxCompared = 16

/**
 * Two resources may describe one entity, one of them in more detail: the receivers' host and the agent itself, which knows its
 * version, too. Who joins `target_info` needs one line of each, so the fuller one stays.
 */
function* infoLines(store: StoreView): Pausable<readonly FixedLine[]> {
  // Quotes in values are escaped, so this is the label itself.
  const isUnit = (resource: SharedResource): boolean => /(^|,)unit="/.test(all.of(resource)!.text)
  const words = (resource: SharedResource): Set<string> =>
    new Set(all.labels(resource.content)!.map((label) => label.join('=')))
  const known: Set<string>[] = []
  let looked = 0
  for (const resource of store.resources()) {
    if (++looked % kPieceLabels === 0) yield
    if (known.length < kMaxCompared && !isUnit(resource)) known.push(words(resource))
  }
  const lines: FixedLine[] = []
  for (const resource of store.resources()) {
    if (++looked % kPieceLabels === 0) yield
    if (!isUnit(resource)) {
      const own = words(resource)
      if (known.some((other) => other.size > own.size && [...own].every((word) => other.has(word)))) continue
    }
    lines.push({ labels: all.of(resource)!.text, value: 1 })
  }
  return lines
}

function* eventLines(store: StoreView): Pausable<readonly FixedLine[]> {
  const lines: FixedLine[] = []
  for (const { name, resource, count, exemplar } of store.events()) {
    if ((lines.length + 1) % kPieceLabels === 0) yield
    lines.push({ labels: labelText([['event', name], ...identityLabels(resource)]), value: count, exemplar })
  }
  return lines
}

/** Prometheus wants seconds; promtool refuses anything finer. */
const secondsPer: Readonly<Record<string, number>> = { ms: 1e-3, us: 1e-6, ns: 1e-9 }

function spell(head: MetricHead): Spelling {
  const scale = secondsPer[head.unit]
  const kind = head.type === 'counter' ? 'counter' : head.type === 'gauge' && !head.isSum ? 'gauge' : 'other'
  const { name, unit } =
    scale === undefined
      ? prometheusName(head.name, head.unit, kind)
      : prometheusName(head.name.replace(/[._](ms|us|ns|milliseconds|microseconds|nanoseconds)$/, ''), 's', kind)
  return {
    family: { name, type: head.type, help: head.description || head.name, ...(unit === '' ? {} : { unit }) },
    scale: scale ?? 1,
    resource: byIdentity,
    attributes: head.type === 'histogram' ? asBucketLabels : asLabels,
  }
}

/** `le` is the bucket's; twice in one label set it would fail the scrape. Prometheus itself gives way by this prefix. */
function ownLe(label: Labels[number]): Labels[number] {
  return label[0] === 'le' ? ['exported_le', label[1]] : label
}
