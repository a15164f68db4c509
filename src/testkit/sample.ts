import { type Batch, batchOf } from '../data/batch.js'
import { type RawEvent, Severity } from '../data/event.js'
import type { Gauge } from '../data/metric.js'
import type { Resource } from '../data/resource.js'
import type { Span } from '../data/span.js'

/** What FakeClock reads at its start. */
const kStartNano = 1_700_000_000_000_000_000n

/** A unit's resource as the systemd side makes it, without a pool. */
export function sampleResource(unit = 'demo.service'): Resource {
  const attributes = { 'service.name': unit, 'host.name': 'test', 'systemd.unit.name': unit }
  return Object.freeze({ key: `unit:system:${unit}`, attributes: Object.freeze(attributes) })
}

export function sampleEvent(part: Partial<RawEvent> = {}): RawEvent {
  const timeUnixNano = part.timeUnixNano ?? kStartNano
  return {
    timeUnixNano,
    observedTimeUnixNano: timeUnixNano,
    name: 'test.thing.happened',
    severity: Severity.info,
    body: 'a thing happened',
    attributes: { 'systemd.unit.name': 'demo.service' },
    ...part,
    resource: part.resource ?? sampleResource(),
  }
}

/** A gauge with `values` as its points, each with its index as attribute `index`. */
export function sampleGauge(values: readonly number[] = [1], part: Partial<Gauge> = {}): Gauge {
  return {
    type: 'gauge',
    name: 'test.level',
    unit: '1',
    description: 'A level',
    valueType: 'double',
    resource: sampleResource(),
    points: values.map((value, index) => ({ attributes: { index }, timeUnixNano: kStartNano, value })),
    ...part,
  }
}

export function sampleSpan(part: Partial<Span> = {}): Span {
  return {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    name: 'work',
    kind: 'internal',
    startTimeUnixNano: kStartNano,
    endTimeUnixNano: kStartNano + 1_000_000n,
    attributes: {},
    events: [],
    links: [],
    status: { code: 'unset' },
    resource: sampleResource(),
    ...part,
  }
}

/** A batch of `items` items of all three kinds, deeply frozen: a component that changes what it is given throws. */
export function sampleBatch(items = 10, tag = 'a'): Batch {
  const metricPoints = Math.floor(items / 3)
  const spans = Math.floor(items / 3)
  return deepFreeze(
    batchOf({
      events: Array.from({ length: items - metricPoints - spans }, (_, index) =>
        sampleEvent({ attributes: { index, tag } }),
      ),
      metrics: metricPoints === 0 ? [] : [sampleGauge(Array.from({ length: metricPoints }, (_, index) => index))],
      spans: Array.from({ length: spans }, (_, index) => sampleSpan({ attributes: { index, tag } })),
    }),
  )
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const part of Object.values(value)) deepFreeze(part)
  }
  return value
}
