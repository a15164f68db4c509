import { type Metric, type NumberPoint, startTimeOf, timeOf } from '../../src/data/metric.js'

export interface TimedPoint extends NumberPoint {
  readonly timeUnixNano: bigint
}

/** The points of a metric of numbers, each with the times that hold for it; none of any other. */
export function timedPoints(metric: Metric): readonly TimedPoint[] {
  if (metric.type !== 'gauge' && metric.type !== 'sum') return []
  return metric.points.map((point) => {
    const start = startTimeOf(metric, point)
    const timeUnixNano = timeOf(metric, point)
    return start === undefined ? { ...point, timeUnixNano } : { ...point, startTimeUnixNano: start, timeUnixNano }
  })
}
