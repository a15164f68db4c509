import type { Batch } from '../../data/batch.js'
import type { Metadata, Resource } from '../../data/resource.js'

/** The records of one tenant. */
export interface TenantBatch {
  readonly metadata: Metadata | undefined
  readonly batch: Batch
}

/** Splits a batch by whose its records are; the batch itself where nobody said so, which is nearly always. */
export function byMetadata(batch: Batch): readonly TenantBatch[] {
  if (!hasMetadata(batch.events) && !hasMetadata(batch.metrics) && !hasMetadata(batch.spans))
    return [{ metadata: undefined, batch }]
  const parts = new Map<string, { metadata: Metadata | undefined; batch: MutableBatch }>()
  const partOf = ({ origin }: Resource): MutableBatch => {
    const metadata = origin?.metadata
    const key = metadataKey(metadata)
    let part = parts.get(key)
    if (part === undefined) {
      part = { metadata, batch: { events: [], metrics: [], spans: [] } }
      parts.set(key, part)
    }
    return part.batch
  }
  for (const event of batch.events) partOf(event.resource).events.push(event)
  for (const metric of batch.metrics) partOf(metric.resource).metrics.push(metric)
  for (const span of batch.spans) partOf(span.resource).spans.push(span)
  return [...parts.values()]
}

type MutableBatch = { -readonly [K in keyof Batch]: Batch[K][number][] }

/** The same for the same headers; '' for none. */
export function metadataKey(metadata: Metadata | undefined): string {
  return metadata === undefined ? '' : JSON.stringify(metadata)
}

function hasMetadata(records: readonly { readonly resource: Resource }[]): boolean {
  for (let at = 0; at < records.length; at++) if (records[at]!.resource.origin?.metadata !== undefined) return true
  return false
}
