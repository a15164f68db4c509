import type { Resource } from '../../data/resource.js'

/** Groups records by resource, in order of first appearance. By identity: resources are interned. */
export function groupByResource<T extends { readonly resource: Resource }>(
  records: readonly T[],
): ReadonlyMap<Resource, readonly T[]> {
  const groups = new Map<Resource, T[]>()
  for (const record of records) {
    const group = groups.get(record.resource)
    if (group === undefined) groups.set(record.resource, [record])
    else group.push(record)
  }
  return groups
}
