import type { Metric } from '../../data/metric.js'

/**
 * Points after which a part ends: about 680 services, some 20 ms to encode. Not fewer, since `batch` passes on at once what
 * reaches its `send_batch_size` (8192) and lets smaller parts wait for others, 200 ms each.
 */
export const kPartPoints = 8192

export function pointsIn(metrics: readonly Metric[]): number {
  let points = 0
  for (const metric of metrics) points += metric.points.length
  return points
}

/** The next part of a collection from `at` on: whole metrics, until they have `kPartPoints` points. */
export function nextCollectionPart(collection: readonly Metric[], at: number): readonly Metric[] {
  let end = at
  for (let points = 0; end < collection.length && points < kPartPoints; end++) points += collection[end]!.points.length
  return at === 0 && end === collection.length ? collection : collection.slice(at, end)
}
