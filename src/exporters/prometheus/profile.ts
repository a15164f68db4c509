import type { Attributes, AttributeValue } from '../../data/attributes.js'
import type { Exemplar, HistogramPoint, NumberPoint } from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'
import { kMaxExemplarChars } from '../../lib/openmetrics/exposition.js'
import type { Family, Labels, SampleExemplar } from '../../lib/openmetrics/family.js'
import { sanitizeLabel } from '../../lib/openmetrics/names.js'
import { attr } from '../../lib/systemd/names.js'
import type { Pausable } from '../../util/pausable.js'
import type { StoreView } from './series-store.js'

/** A set of metric names that dashboards know: turns what is stored into families. */
export type Profile = (store: StoreView) => Pausable<readonly Family[]>

/** Attributes that tell resources apart, and the label each becomes on every sample. */
const identity: readonly (readonly [attribute: string, label: string])[] = [
  [attr.unit, 'unit'],
  ['systemd.scope', 'scope'],
  ['container.id', 'container_id'],
  ['k8s.pod.uid', 'k8s_pod_uid'],
]

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
    const value = text(attributes[key]!)
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

/** The newest exemplar as OpenMetrics allows it: ids first, then attributes while they fit into 128 characters. */
export function sampleExemplar(exemplar: Exemplar): SampleExemplar {
  const labels: (readonly [string, string])[] = [['trace_id', exemplar.traceId]]
  if (exemplar.spanId !== undefined) labels.push(['span_id', exemplar.spanId])
  let room = kMaxExemplarChars - labels.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  for (const [name, value] of attributeLabels(exemplar.attributes ?? {})) {
    const chars = [...name].length + [...value].length
    if (chars > room || name === 'trace_id' || name === 'span_id') continue
    labels.push([name, value])
    room -= chars
  }
  return { labels, value: exemplar.value, timeUnixNano: exemplar.timeUnixNano }
}

/** Spread into a sample: its newest exemplar, if there is one. */
export function withExemplar(exemplars: readonly Exemplar[] | undefined): { readonly exemplar?: SampleExemplar } {
  const newest = exemplars?.reduce<Exemplar | undefined>(
    (best, one) => (best === undefined || one.timeUnixNano >= best.timeUnixNano ? one : best),
    undefined,
  )
  return newest === undefined ? {} : { exemplar: sampleExemplar(newest) }
}

export function isHistogram(point: NumberPoint | HistogramPoint): point is HistogramPoint {
  return 'bounds' in point
}

function text(value: AttributeValue): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
