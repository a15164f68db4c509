import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Batch, countItems, signals } from '../../../../src/data/batch.js'
import { type Decoded, type Malformed, OtlpDecoder } from '../../../../src/lib/otlp/decode.js'
import { OtlpEncoder } from '../../../../src/lib/otlp/encode.js'
import { decodeWhole, encodeRequest } from '../../../support/otlp-sink/decode.js'
import { anyRequest } from './any-request.js'

const decoder = new OtlpDecoder()
const encoder = new OtlpEncoder({ name: 'unitscope', version: '1' })

function taken(result: Decoded | Malformed): Decoded {
  if ('reason' in result) throw new Error(`${result.reason} at ${result.offset}`)
  return result
}

function sentOn(batch: Batch): Buffer {
  const [request] = encoder.encode(batch)
  return Buffer.concat(request?.chunks ?? [])
}

/** A list of what a request says, record by record: how they are grouped, and in which order, says nothing. */
function said(value: unknown): readonly string[] {
  const lines: string[] = []
  const walk = (node: Record<string, unknown>, above: readonly unknown[]): void => {
    const lists = ['resource_logs', 'resource_spans', 'resource_metrics', 'scope_logs', 'scope_spans', 'scope_metrics']
    const list = [...lists, 'log_records', 'spans', 'metrics', 'data_points'].find((key) => Array.isArray(node[key]))
    const data = ['gauge', 'sum', 'histogram', 'exponential_histogram', 'summary'].find((key) => node[key])
    if (list !== undefined) {
      const { [list]: inner, ...rest } = node
      for (const each of inner as Record<string, unknown>[]) walk(each, [...above, rest])
    } else if (data !== undefined) {
      const { [data]: inner, ...rest } = node
      walk(inner as Record<string, unknown>, [...above, rest, data])
    } else lines.push(JSON.stringify([above, node], normal))
  }
  walk(value as Record<string, unknown>, [])
  return lines.sort()
}

function normal(key: string, value: unknown): unknown {
  // A status of nothing and none are the same; so are a body without a value and none.
  if (key === 'status' && value === null) return { message: '', code: 0 }
  if (key === 'body' && value === null) return {}
  if (key.endsWith('attributes') || key === 'metadata')
    return (value as { key: string }[]).toSorted((a, b) => (a.key < b.key ? -1 : 1))
  if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))) return `${1 / value} ${value}`
  return value
}

describe('what any program sends leaves as it came', () => {
  for (const signal of signals)
    test(`${signal}: by protobufjs, which encodes what comes and reads what leaves`, () => {
      fc.assert(
        fc.property(anyRequest[signal], (request) => {
          const bytes = encodeRequest(signal, request)
          const { batch, rejected, omitted } = taken(decoder.decode(signal, bytes))
          expect({ rejected, ...omitted }).toEqual({ rejected: 0, ids: 0, attributes: 0, unknown: 0 })
          const before = said(decodeWhole(signal, bytes))
          expect(said(decodeWhole(signal, sentOn(batch)))).toEqual(before)
          expect(countItems(batch)).toBe(before.length)
        }),
        { numRuns: 300 },
      )
    })

  test('and a second time as the first: decoding what was encoded gives the same records', () => {
    for (const signal of signals)
      fc.assert(
        fc.property(anyRequest[signal], (request) => {
          const { batch } = taken(decoder.decode(signal, encodeRequest(signal, request)))
          const again = taken(decoder.decode(signal, sentOn(batch))).batch
          expect(sentOn(again).equals(sentOn(batch))).toBe(true)
        }),
        { numRuns: 100 },
      )
  })
})

test('resources that differ have keys that differ, however large they are and whosesoever', () => {
  const large = 'x'.repeat(5000)
  const requestOf = (name: string) =>
    encodeRequest('logs', {
      resource_logs: [
        {
          resource: {
            attributes: [
              { key: 'service.name', value: { string_value: name } },
              { key: 'process.command_line', value: { string_value: large } },
            ],
          },
          scope_logs: [{ log_records: [{ body: { string_value: 'hello' } }] }],
        },
      ],
    })
  const keyOf = (name: string, tenant?: string): string =>
    taken(decoder.decode('logs', requestOf(name), tenant === undefined ? undefined : { tenant })).batch.events[0]!
      .resource.key
  const keys = [keyOf('a'), keyOf('b'), keyOf('a', 'red'), keyOf('a', 'blue')]
  expect(new Set(keys).size).toBe(4)
  expect(keyOf('a', 'red')).toBe(keys[2])
  expect(Math.max(...keys.map(({ length }) => length))).toBeLessThan(200)
})
