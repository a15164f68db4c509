import { expect, test } from 'vitest'
import { type Batch, batchOf } from '../../../../src/data/batch.js'
import type { RawEvent } from '../../../../src/data/event.js'
import type { Metric } from '../../../../src/data/metric.js'
import type { Span } from '../../../../src/data/span.js'
import { OtlpEncoder } from '../../../../src/lib/otlp/encode.js'
import { checkIds } from '../../../../src/lib/otlp/ids.js'
import { otlpJsonLines } from '../../../../src/lib/otlp/json.js'
import { decodeRequest } from '../../../support/otlp-sink/decode.js'

const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
const id = '00f067aa0ba902b7'
const resource = { key: 'r', attributes: {} }
const scope = { name: 'test', version: '1' }

test('a batch whose IDs are valid is passed on as it is', () => {
  const batch = batchOf({
    events: [event({ traceId: trace, spanId: id }), event({})],
    metrics: [metric([{ traceId: trace, spanId: id }, { traceId: trace.toUpperCase() }])],
    spans: [span({ parentSpanId: id, links: [{ traceId: trace, spanId: id, attributes: {} }] })],
  })
  expect(checkIds(batch)).toEqual({ batch, omitted: 0, lostSpans: 0 })
  expect(checkIds(batch).batch).toBe(batch)
})

const none = ['', 'abc', trace.slice(1), `${trace}0`, `${trace.slice(1)}g`, '0'.repeat(32), id, '0'.repeat(16)]
for (const bad of none)
  test(`the ID "${bad}" is left out where it is optional, with its record where it is not`, () => {
    const wrongSpan = bad === id ? trace : bad
    const batch = batchOf({
      events: [event({ traceId: bad, spanId: id }), event({ traceId: trace, spanId: wrongSpan })],
      metrics: [metric([{ traceId: bad }, { traceId: trace, spanId: wrongSpan }, { traceId: trace, spanId: id }])],
      spans: [
        span({ traceId: bad }),
        span({ spanId: wrongSpan }),
        span({
          parentSpanId: wrongSpan,
          links: [
            { traceId: bad, spanId: id, attributes: {} },
            { traceId: trace, spanId: id, attributes: {} },
          ],
        }),
      ],
    })
    const checked = checkIds(batch)
    expect(checked).toMatchObject({ omitted: 6, lostSpans: 2 })
    expect(checked.batch).toEqual({
      events: [event({ spanId: id }), event({ traceId: trace })],
      metrics: [metric([{ traceId: trace }, { traceId: trace, spanId: id }])],
      spans: [span({ links: [{ traceId: trace, spanId: id, attributes: {} }] })],
    })
    expect(lengthsOfIds(checked.batch)).toEqual(new Set([0, 16, 32]))
  })

for (const missing of ['traceId', 'spanId'] as const)
  test(`a record whose ${missing} is missing, of a component without types, is left out as one whose ID is wrong`, () => {
    const lacking = { [missing]: undefined } as object
    const link = { traceId: trace, spanId: id, attributes: {} }
    const whole = batchOf({ spans: [span({ links: [link] })] })
    expect(checkIds(batchOf({ spans: [span(lacking), ...whole.spans] }))).toMatchObject({
      batch: { spans: whole.spans },
      lostSpans: 1,
    })
    const linked = checkIds(batchOf({ spans: [span({ links: [{ ...link, ...lacking }, link] })] }))
    expect(linked).toMatchObject({ batch: { spans: whole.spans }, omitted: 1 })
    expect(linked.batch.spans[0]!.links).toHaveLength(1)
    // Optional in an exemplar, both.
    const sampled = batchOf({ metrics: [metric([{ traceId: trace, ...lacking }, { traceId: trace }])] })
    expect(checkIds(sampled)).toEqual({ batch: sampled, omitted: 0, lostSpans: 0 })
  })

/** Of all IDs a server and a reader of the file get. */
function lengthsOfIds(batch: Batch): Set<number> {
  const requests = new OtlpEncoder(scope)
    .encode(batch)
    .map(({ signal, chunks }) => decodeRequest(signal, Buffer.concat(chunks)))
  const text = JSON.stringify(requests) + otlpJsonLines(batch, scope).join('')
  const ids = text.matchAll(/"(?:trace_?id|span_?id|parent_?span_?id)":"([^"]*)"/gi)
  return new Set([0, ...Array.from(ids, ([, digits]) => digits!.length)])
}

function event(part: Partial<RawEvent>): RawEvent {
  return {
    timeUnixNano: 1n,
    observedTimeUnixNano: 2n,
    name: 'e',
    severity: 9,
    body: '',
    attributes: {},
    resource,
    ...part,
  }
}

function metric(exemplars: readonly { readonly traceId: string; readonly spanId?: string }[]): Metric {
  const whole = exemplars.map((ids) => ({ timeUnixNano: 1n, value: 1, ...ids }))
  return {
    type: 'gauge',
    valueType: 'int',
    name: 'm',
    unit: '',
    description: '',
    resource,
    points: [{ attributes: {}, timeUnixNano: 1n, value: 1, exemplars: whole }],
  }
}

function span(part: Partial<Span>): Span {
  return {
    traceId: trace,
    spanId: id,
    name: 's',
    kind: 'internal',
    startTimeUnixNano: 1n,
    endTimeUnixNano: 2n,
    attributes: {},
    events: [],
    links: [],
    status: { code: 'ok' },
    resource,
    ...part,
  }
}
