import type { Attributes, AttributeValue } from '../../data/attributes.js'
import type { Resource } from '../../data/resource.js'
import { attr } from '../systemd/names.js'
import type { Labels } from './family.js'
import { sanitizeLabel } from './names.js'

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

/** Attributes as labels of a histogram's samples. */
export function bucketLabels(attributes: Attributes): Labels {
  return attributeLabels(attributes).map(ownLe)
}

/** `le` is the bucket's; twice in one label set it would fail the scrape. Prometheus itself gives way by this prefix. */
function ownLe(label: Labels[number]): Labels[number] {
  return label[0] === 'le' ? ['exported_le', label[1]] : label
}

/** Joins label lists; of the same name the first one stays. */
export function mergeLabels(first: Labels, second: Labels): Labels {
  if (first.length === 0) return second
  const taken = new Set(first.map(([name]) => name))
  return [...first, ...second.filter(([name]) => !taken.has(name))]
}

/** One text for one set of attributes, whatever their order. */
export function keyOfAttributes(attributes: Attributes): string {
  let key = ''
  for (const name of Object.keys(attributes).sort()) key += `${name}\u0001${attributeText(attributes[name]!)}\0`
  return key
}

/** An attribute's value as a label's. */
export function attributeText(value: AttributeValue): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
