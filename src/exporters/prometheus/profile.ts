import type { Attributes } from '../../data/attributes.js'
import type { Exemplar } from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'
import { kMaxExemplarChars } from '../../lib/openmetrics/exposition.js'
import type { Family, Labels, SampleExemplar } from '../../lib/openmetrics/family.js'
import { sanitizeLabel } from '../../lib/openmetrics/names.js'
import { attr } from '../../lib/systemd/names.js'
import type { Pausable } from '../../util/pausable.js'
import type { Labelled } from './labelled.js'
import type { Part } from './part.js'
import type { StoreView } from './series-store.js'
import type { MetricHead } from './series-table.js'
import { attributeText } from './shared.js'

/** How a profile shows a metric. */
export interface Spelling {
  readonly family: Family
  /** Values are multiplied by it. */
  readonly scale: number
  readonly resource: Labelled<Resource>
  readonly attributes: Labelled<Attributes>
}

/** A set of metric names that dashboards know. */
export interface Profile {
  /** Undefined when the metric has no place in it. */
  spell(head: MetricHead): Spelling | undefined
  /** Families that are made of something else than metrics. */
  others(store: StoreView): Pausable<readonly { readonly family: Family; readonly part: Part }[]>
}

/** Attributes that tell resources apart, and the label each becomes on every sample. */
const identity: readonly (readonly [attribute: string, label: string])[] = [
  [attr.unit, 'unit'],
  ['systemd.scope', 'scope'],
  ['container.id', 'container_id'],
  ['k8s.pod.uid', 'k8s_pod_uid'],
]

/** All names that `identityLabels` gives. */
export const identityNames: ReadonlySet<string> = new Set([...identity.map(([, label]) => label), 'service_name'])

/** Labels by which samples of different resources differ; none for the host. */
export function identityLabels({ attributes }: Resource): Labels {
  const labels = identity.flatMap(([attribute, label]) => {
    const value = attributes[attribute]
    return value === undefined ? [] : [[label, String(value)] as const]
  })
  const service = attributes['service.name']
  if (labels.length > 0 || service === undefined || service === 'unitscope') return labels
  return [['service_name', String(service)]]
}

/** Resource attributes that are not labels already: the content of `target_info`. */
export function remainingLabels({ attributes }: Resource): Labels {
  const known = new Set(identity.map(([attribute]) => attribute))
  return attributeLabels(Object.fromEntries(Object.entries(attributes).filter(([key]) => !known.has(key))))
}

/** Attributes as labels, sorted; two that become one name are joined by `;` (OTel's compatibility specification). */
export function attributeLabels(attributes: Attributes): Labels {
  const labels = new Map<string, string>()
  for (const key of Object.keys(attributes).sort()) {
    const name = sanitizeLabel(key)
    const value = attributeText(attributes[key]!)
    const before = labels.get(name)
    labels.set(name, before === undefined ? value : `${before};${value}`)
  }
  return [...labels]
}

/** Joins label lists; of the same name the first one stays. */
export function mergeLabels(first: Labels, second: Labels): Labels {
  if (first.length === 0) return second
  const taken = new Set(first.map(([name]) => name))
  return [...first, ...second.filter(([name]) => !taken.has(name))]
}

/** An exemplar as OpenMetrics allows it: ids first, then attributes while they fit into 128 characters. */
export function sampleExemplar(exemplar: Exemplar, scale: number): SampleExemplar {
  const labels: (readonly [string, string])[] = [['trace_id', exemplar.traceId]]
  if (exemplar.spanId !== undefined) labels.push(['span_id', exemplar.spanId])
  if (exemplar.attributes !== undefined) addWhatFits(labels, exemplar.attributes)
  return { labels, value: exemplar.value * scale, timeUnixNano: exemplar.timeUnixNano }
}

function addWhatFits(labels: (readonly [string, string])[], attributes: Attributes): void {
  let room = kMaxExemplarChars - labels.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  for (const [name, value] of attributeLabels(attributes)) {
    const chars = [...name].length + [...value].length
    if (chars > room || name === 'trace_id' || name === 'span_id') continue
    labels.push([name, value])
    room -= chars
  }
}
