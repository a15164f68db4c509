import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadNative } from '../../../../src/binding/native.js'
import type { SignalRecord } from '../../../../src/data/signal-record.js'
import { MessageFilter } from '../../../../src/lib/recording/message-filter.js'
import { committed, framesOf, frameType } from './support.js'

// Real bytes of a bus, all units of the committed recording: what passes must be what the live receiver's filter lets pass.

const stream = Buffer.concat(
  framesOf(gunzipSync(readFileSync(committed)))
    .filter(({ type }) => type === frameType.chunk)
    .map(({ payload }) => payload.subarray(16)),
)

/** What the real parser makes of the bytes. */
function parse(bytes: Buffer, include: readonly string[] = []): readonly SignalRecord[] {
  const loaded = loadNative()
  if ('unavailable' in loaded) throw new Error(loaded.unavailable)
  const filter = { include, exclude: [], unitTypes: [] }
  const parser = loaded.native.createSignalParser({ filter })
  return parser.feed(bytes, 1n, 1n)
}

const only = (...units: readonly string[]) => new MessageFilter((unit) => units.includes(unit))

describe('the messages of chosen units', () => {
  test.each([
    [['checkout.service']],
    [['restart-timeout.service', 'report.timer']], // names that are escaped in their object path
    [['listen.socket', 'limit.service', 'waiting.service']],
    [['no-such.service']],
  ])('%j: the parser finds in them what its own filter finds in all', (units) => {
    const passed = only(...units).feed(stream)
    expect(parse(passed)).toEqual(parse(stream, units))
    expect(parse(passed).some(({ kind }) => kind === 'reloading')).toBe(true)
    expect(passed.length).toBeLessThan(stream.length / 2)
  })

  test('hold no name of another unit: not in properties, nor in jobs, nor in coming and going', () => {
    const text = only('stop.service').feed(stream).toString('latin1')
    expect(text).toMatch(/UnitRemoved.*stop\.service/s)
    expect(text).not.toMatch(/checkout|database|watchdog\.service|watchdog_2eservice/)
  })

  test('all of them, when all are wanted: the same bytes', () => {
    expect(new MessageFilter(() => true).feed(stream).equals(stream)).toBe(true)
  })
})

test('property: cut in any pieces, the same messages pass', () => {
  const part = stream.subarray(0, 100_000)
  const expected = only('checkout.service', 'report.timer').feed(part)
  fc.assert(
    fc.property(fc.array(fc.nat(part.length), { maxLength: 30 }), (cuts) => {
      const filter = only('checkout.service', 'report.timer')
      const bounds = [0, ...cuts.toSorted((a, b) => a - b), part.length]
      const pieces = bounds.slice(1).map((end, index) => filter.feed(part.subarray(bounds[index], end)))
      expect(Buffer.concat(pieces).equals(expected)).toBe(true)
    }),
    { numRuns: 100 },
  )
})

describe('what is no stream of messages passes from there on, for the parser to refuse', () => {
  const first = stream.subarray(0, 5000)

  test.each([
    ['no message at all', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    [
      'a length that no message has',
      Buffer.concat([Buffer.from([0x6c, 4, 0, 1]), Buffer.alloc(4, 0x7f), Buffer.alloc(100)]),
    ],
  ])('%s', (_, garbage) => {
    const filter = only('checkout.service')
    filter.feed(Buffer.concat([wholeMessages(first), garbage]))
    // Nothing is held back or thought about any more.
    for (const more of [Buffer.from('l'), stream.subarray(0, 3000)]) expect(filter.feed(more).equals(more)).toBe(true)
  })

  test('property: nothing that a header or a body says makes it throw, or hold back what is not begun', () => {
    fc.assert(
      fc.property(
        fc.nat(first.length - 1),
        fc.nat(255),
        fc.nat(first.length - 1),
        fc.nat(255),
        (at, byte, to, other) => {
          const bytes = Buffer.from(first)
          bytes[at] = byte
          bytes[to] = other
          const passed = new MessageFilter(() => true).feed(bytes)
          expect(bytes.subarray(0, passed.length).equals(passed)).toBe(true)
        },
      ),
      { numRuns: 2000 },
    )
  })
})

/** The bytes up to the end of the last message that is whole. */
function wholeMessages(bytes: Buffer): Buffer {
  return new MessageFilter(() => true).feed(bytes)
}
