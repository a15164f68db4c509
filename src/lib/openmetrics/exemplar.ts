import type { Attributes } from '../../data/attributes.js'
import type { RawEvent } from '../../data/event.js'
import type { Exemplar } from '../../data/metric.js'
import { kMaxExemplarChars } from './exposition.js'
import type { SampleExemplar } from './family.js'
import { attributeLabels } from './labels.js'

/** An exemplar as OpenMetrics allows it: ids first, then attributes while they fit into 128 characters. */
export function sampleExemplar(exemplar: Exemplar, scale: number): SampleExemplar {
  const labels: (readonly [string, string])[] = []
  if (exemplar.traceId !== undefined) labels.push(['trace_id', exemplar.traceId])
  if (exemplar.spanId !== undefined) labels.push(['span_id', exemplar.spanId])
  if (exemplar.attributes !== undefined) addWhatFits(labels, exemplar.attributes)
  return { labels, value: Number(exemplar.value) * scale, timeUnixNano: exemplar.timeUnixNano }
}

/** What leads from the count of an event to its trace, if it has one. */
export function exemplarOfEvent(event: RawEvent): Exemplar | undefined {
  if (event.traceId === undefined) return undefined
  const { traceId, spanId, timeUnixNano } = event
  return { timeUnixNano, value: 1, traceId, ...(spanId === undefined ? {} : { spanId }) }
}

function addWhatFits(labels: (readonly [string, string])[], attributes: Attributes): void {
  let room = kMaxExemplarChars - labels.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  for (const [name, value] of attributeLabels(attributes)) {
    const chars = [...name].length + [...value].length
    if (chars > room || name === 'trace_id' || name === 'span_id') continue
    labels.push([name, value])
    room -= chars
  }
}
