import fc from 'fast-check'
import { expect, test } from 'vitest'
import { signals } from '../../../../src/data/batch.js'
import { OtlpDecoder } from '../../../../src/lib/otlp/decode.js'
import { jsonToProtobuf } from '../../../../src/lib/otlp/json-request.js'
import { encodeMessage, encodeRequest } from '../../../support/otlp-sink/decode.js'
import { anyRequest } from './any-request.js'

const decoder = new OtlpDecoder()

/** Whatever it was: a value came back, no object has lost its prototype, and Object's own is as it was. */
function harmless(result: object): void {
  expect('batch' in result || 'reason' in result).toBe(true)
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  if ('reason' in result) return
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    // No expect() for each object: 13 s of CPU with it, 10 s without.
    if (!Array.isArray(value) && value.constructor === Object && Object.getPrototypeOf(value) !== Object.prototype)
      throw new Error(`an object has another prototype: ${JSON.stringify(value)}`)
    for (const inner of Object.values(value)) walk(inner)
  }
  walk(result)
}

test('random bytes are no request, and nothing worse', () => {
  for (const signal of signals)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => harmless(decoder.decode(signal, bytes))),
      { numRuns: 3000 },
    )
})

test('requests with bytes changed, cut out and doubled are taken or refused', () => {
  const change = fc.record({ at: fc.nat(), kind: fc.constantFrom('set', 'cut', 'insert', 'double'), byte: fc.nat(255) })
  for (const signal of signals)
    fc.assert(
      fc.property(anyRequest[signal], fc.array(change, { minLength: 1, maxLength: 4 }), (request, changes) => {
        let bytes = [...encodeRequest(signal, request)]
        for (const { at, kind, byte } of changes) {
          const where = at % (bytes.length + 1)
          if (kind === 'set') bytes[where] = byte
          else if (kind === 'cut') bytes = bytes.slice(0, where)
          else if (kind === 'insert') bytes.splice(where, 0, byte)
          else bytes.splice(where, 0, ...bytes.slice(where, where + 40))
        }
        harmless(decoder.decode(signal, Uint8Array.from(bytes)))
      }),
      { numRuns: 400 },
    )
})

test('every place at which a request may be cut off is told, unless what is left is one', () => {
  for (const signal of signals) {
    const [request] = fc.sample(anyRequest[signal], { numRuns: 1, seed: 7 })
    const bytes = encodeRequest(signal, request!)
    for (let length = 0; length < bytes.length; length++) {
      const result = decoder.decode(signal, bytes.subarray(0, length))
      // Nothing of the outermost list is whole: only the empty request is one.
      if (length > 0 && length < bytes.length && 'batch' in result) harmless(result)
      if ('reason' in result) expect(result.offset).toBeLessThanOrEqual(length)
    }
  }
})

/** AnyValue around AnyValue, `depth` in all. */
function nested(depth: number): object {
  return depth === 1 ? { string_value: 'core' } : { array_value: { values: [nested(depth - 1)] } }
}

const bodyOf = (body: object) =>
  encodeRequest('logs', { resource_logs: [{ scope_logs: [{ log_records: [{ body }] }] }] })

test('values nest 32 deep and no deeper', () => {
  expect(decoder.decode('logs', bodyOf(nested(32)))).toMatchObject({
    batch: { events: [{ body: expect.stringContaining('core') }] },
  })
  expect(decoder.decode('logs', bodyOf(nested(33)))).toMatchObject({ reason: expect.stringContaining('32 deep') })
})

test('100,000 levels do not use up the stack', () => {
  // Lengths from the inside out: an AnyValue {array 5} {values 1} around each.
  let bytes = Buffer.from([10, 0])
  for (let level = 0; level < 2000; level++)
    bytes = Buffer.concat([varintField(5), lengthOf(inner(bytes)), inner(bytes)])
  const request = encodeMessage('LogRecord', {})
  expect(request.length).toBe(0)
  const record = field(5, bytes)
  expect(decoder.decode('logs', field(1, field(2, field(2, record))))).toMatchObject({
    reason: expect.stringContaining('deep'),
  })
  expect(jsonToProtobuf('logs', `{"resourceLogs":${'['.repeat(100_000)}`)).toMatchObject({
    reason: expect.stringContaining('levels'),
  })
})

function inner(bytes: Buffer): Buffer {
  return field(1, bytes)
}
function varintField(number: number): Buffer {
  return Buffer.from([number * 8 + 2])
}
function lengthOf(bytes: Buffer): Buffer {
  const out: number[] = []
  let rest = bytes.length
  for (; rest > 127; rest >>>= 7) out.push((rest & 127) | 128)
  out.push(rest)
  return Buffer.from(out)
}
function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([varintField(number), lengthOf(bytes), bytes])
}

test('a million empty records are more than a request may hold, however few bytes they are', () => {
  const records = Buffer.alloc(2 * (2 ** 20 + 1), Buffer.from([18, 0]))
  expect(decoder.decode('traces', field(1, field(2, records)))).toMatchObject({
    reason: expect.stringContaining('more than 1048576'),
  })
})

test('keys that JavaScript objects must not have stay out, and are counted', () => {
  const attributes = ['__proto__', '', 'constructor', 'toString', 'polluted'].map((key) => ({
    key,
    value: { kvlist_value: { values: [{ key: '__proto__', value: { string_value: 'x' } }] } },
  }))
  const result = decoder.decode(
    'logs',
    encodeRequest('logs', {
      resource_logs: [{ resource: { attributes }, scope_logs: [{ log_records: [{ attributes }] }] }],
    }),
  )
  expect(result).toMatchObject({ omitted: { attributes: 4 } })
  if (!('batch' in result)) throw new Error('not taken')
  const [event] = result.batch.events
  expect(Object.keys(event!.attributes)).toEqual(['constructor', 'toString', 'polluted'])
  expect(Object.keys({ ...event!.resource.attributes })).toEqual(['constructor', 'toString', 'polluted'])
  expect(JSON.stringify(event!.attributes['polluted'])).toBe('{"__proto__":"x"}')
  harmless(result)
})

test('what is kept as it came must be UTF-8: a server would refuse all that comes with it', () => {
  const good = encodeRequest('traces', {
    resource_spans: [
      {
        scope_spans: [
          { spans: [{ trace_id: Buffer.alloc(16, 1), span_id: Buffer.alloc(8, 1), trace_state: 'abc=1' }] },
        ],
      },
    ],
  })
  const at = Buffer.from(good).indexOf('abc=1')
  const bad = Buffer.from(good)
  bad[at] = 0xff
  expect(decoder.decode('traces', bad)).toEqual({ reason: 'a string that is no UTF-8', offset: at })
})
