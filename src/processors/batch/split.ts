import { type Batch, countItems } from '../../data/batch.js'
import type { Metric } from '../../data/metric.js'

/**
 * Cuts a batch into parts of at most `maxItems` items, in order: events, then spans, then metrics. Every item stands in
 * exactly one part; a metric's points may stand in several, each with the metric's head.
 */
export function splitBatch(batch: Batch, maxItems: number): readonly Batch[] {
  if (countItems(batch) <= maxItems) return [batch]
  const parts: Batch[] = []
  let part = { events: batch.events.slice(0, 0), spans: batch.spans.slice(0, 0), metrics: [] as Metric[] }
  let room = maxItems
  const close = (): void => {
    parts.push(part)
    part = { events: [], spans: [], metrics: [] }
    room = maxItems
  }
  for (let at = 0; at < batch.events.length; ) {
    const piece = batch.events.slice(at, at + room)
    part.events = piece
    at += piece.length
    room -= piece.length
    if (room === 0) close()
  }
  for (let at = 0; at < batch.spans.length; ) {
    const piece = batch.spans.slice(at, at + room)
    part.spans = piece
    at += piece.length
    room -= piece.length
    if (room === 0) close()
  }
  for (const metric of batch.metrics) {
    for (let at = 0; at < metric.points.length; ) {
      const end = Math.min(at + room, metric.points.length)
      part.metrics.push(slicePoints(metric, at, end))
      room -= end - at
      at = end
      if (room === 0) close()
    }
  }
  if (room < maxItems) parts.push(part)
  return parts
}

function slicePoints(metric: Metric, start: number, end: number): Metric {
  if (start === 0 && end === metric.points.length) return metric
  // Branches, since a metric's points are of one type and TypeScript keeps them apart.
  if (metric.type === 'encoded') return { ...metric, points: metric.points.slice(start, end) }
  return metric.type === 'histogram'
    ? { ...metric, points: metric.points.slice(start, end) }
    : { ...metric, points: metric.points.slice(start, end) }
}
