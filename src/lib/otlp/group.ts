import type { Resource } from '../../data/resource.js'

/** Groups records by resource, in order of first appearance. By identity: resources are interned. */
export function groupByResource<T extends { readonly resource: Resource }>(
  records: readonly T[],
): ReadonlyMap<Resource, readonly T[]> {
  const groups = new Map<Resource, T[]>()
  let last: Resource | undefined
  let group: T[] | undefined
  for (const record of records) {
    // Records of a resource mostly stand together.
    if (record.resource !== last) {
      last = record.resource
      group = groups.get(last)
      if (group === undefined) {
        group = []
        groups.set(last, group)
      }
    }
    group!.push(record)
  }
  return groups
}
