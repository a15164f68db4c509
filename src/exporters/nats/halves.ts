import { type Batch, batchOf } from '../../data/batch.js'
import type { Metric } from '../../data/metric.js'

/** Two batches of about half the records each; undefined when there is only one record left. */
export function halvesOf({ events, metrics, spans }: Batch): readonly [Batch, Batch] | undefined {
  const cut = <T>(all: readonly T[]): readonly [readonly T[], readonly T[]] => {
    const middle = Math.ceil(all.length / 2)
    return [all.slice(0, middle), all.slice(middle)]
  }
  if (events.length > 1 || metrics.length > 1 || spans.length > 1) {
    const [e, m, s] = [cut(events), cut(metrics), cut(spans)]
    return [
      batchOf({ events: e[0], metrics: m[0], spans: s[0] }),
      batchOf({ events: e[1], metrics: m[1], spans: s[1] }),
    ]
  }
  const only = metrics[0]
  if (only === undefined || only.points.length < 2) return undefined
  const middle = Math.ceil(only.points.length / 2)
  const part = (from: number, to: number) => ({ ...only, points: only.points.slice(from, to) }) as Metric
  return [
    batchOf({ events, metrics: [part(0, middle)], spans }),
    batchOf({ metrics: [part(middle, only.points.length)] }),
  ]
}
