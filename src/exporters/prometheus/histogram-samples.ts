import type { HistogramPoint } from '../../data/metric.js'
import { sampleExemplar } from '../../lib/openmetrics/exemplar.js'
import {
  exemplarText,
  type Format,
  joinLabels,
  number,
  type Sample,
  sampleHead,
} from '../../lib/openmetrics/exposition.js'
import { bucketLe } from '../../lib/openmetrics/spelling.js'
import { newestOf } from './series-rows.js'

/** The lines of one histogram: cumulative buckets, each with its newest exemplar, then count and sum. */
export function histogramSamples(
  name: string,
  labels: string,
  point: HistogramPoint,
  scale: number,
  { openMetrics }: Format,
): readonly Sample[] {
  const samples: Sample[] = []
  const bucketName = `${name}_bucket`
  let cumulative = 0
  for (let index = 0; index <= point.bounds.length; index++) {
    const below = index === 0 ? Number.NEGATIVE_INFINITY : point.bounds[index - 1]!
    const bound = point.bounds[index] ?? Number.POSITIVE_INFINITY
    cumulative += point.bucketCounts[index] ?? 0
    const le = `le="${bucketLe(bound, scale)}"`
    const exemplar = openMetrics
      ? newestOf(point.exemplars?.filter(({ value }) => value > below && value <= bound))
      : undefined
    const tail = exemplar === undefined ? '' : exemplarText(sampleExemplar(exemplar, scale))
    samples.push([sampleHead(bucketName, joinLabels(labels, le)), `${cumulative}${tail}\n`])
  }
  samples.push([sampleHead(`${name}_count`, labels), `${point.count}\n`])
  samples.push([sampleHead(`${name}_sum`, labels), `${number(point.sum * scale)}\n`])
  return samples
}
