import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ParserOptions } from '../../../src/binding/signal-source.js'
import { native, readerDefaults } from './listener.js'
import { unitChanged, unitNew } from './messages.js'

const parser = (options: Partial<ParserOptions> = {}) => native.createSignalParser({ ...readerDefaults, ...options })

test('records carry the times they were fed with, each in its own batch', () => {
  const source = parser()
  const first = source.feed(unitNew('a.service'), 5n, 6n)
  const second = source.feed(unitChanged('a.service', 'active'), 2n ** 62n, 8n)
  expect(first).toEqual([{ kind: 'unit_new', realtimeNs: 5n, boottimeNs: 6n, unit: 'a.service' }])
  expect(second).toMatchObject([
    {
      kind: 'unit_changed',
      realtimeNs: 2n ** 62n,
      boottimeNs: 8n,
      unit: 'a.service',
      state: { activeState: 'active' },
    },
  ])
  expect(source.stats()).toMatchObject({ messages: 2, matched: 2, records: 2, dropped: 0, units: 1, rejected: {} })
})

test('bad bytes end the stream with a reason, and what follows is not heard', () => {
  const source = parser()
  const records = source.feed(Buffer.concat([unitNew('a.service'), Buffer.alloc(64, 0x78)]), 1n, 1n)
  expect(records.map(({ kind }) => kind)).toEqual(['unit_new', 'disconnected'])
  expect(records[1]).toMatchObject({ reason: 'bad message: header_endian at byte 0' })
  expect(source.feed(unitNew('b.service'), 1n, 1n)).toEqual([])
  expect(source.stats().rejected).toEqual({ header_endian: 1 })
})

test('after close() nothing is parsed', () => {
  const source = parser()
  source.close()
  expect(source.feed(unitNew('a.service'), 1n, 1n)).toEqual([])
})

test('a batch larger than the drain buffer comes out whole', () => {
  const count = 50_000
  const bytes = Buffer.concat(Array.from({ length: count }, (_, i) => unitNew(`unit-${i}.service`)))
  const records = parser().feed(bytes, 1n, 1n)
  expect(records).toHaveLength(count)
  expect(records[count - 1]).toMatchObject({ unit: `unit-${count - 1}.service` })
})

test('more states than symbols: the rest is unknown, and nothing breaks', () => {
  const source = parser()
  const bytes = Buffer.concat(Array.from({ length: 2000 }, (_, i) => unitChanged(`u${i}.service`, `state-${i}`)))
  const states = source.feed(bytes, 1n, 1n).map((r) => (r.kind === 'unit_changed' ? r.state.activeState : ''))
  expect(states[0]).toBe('state-0')
  expect(states.indexOf('unknown')).toBeGreaterThan(1000)
  expect(new Set(states.slice(states.indexOf('unknown')))).toEqual(new Set(['unknown']))
  expect(source.stats().unknownTexts).toBe(states.length - states.indexOf('unknown'))
})

test('however the bytes are cut, the same records come out', () => {
  const units = ['a.service', 'b@1.service', 'dev-sda\\x2d1.swap', '-.slice']
  const message = fc.oneof(
    fc.constantFrom(...units).map(unitNew),
    fc
      .tuple(fc.constantFrom(...units), fc.constantFrom('active', 'failed', 'inactive'))
      .map((args) => unitChanged(...args)),
  )
  fc.assert(
    fc.property(fc.array(message, { maxLength: 12 }), fc.array(fc.nat(300), { minLength: 1 }), (messages, cuts) => {
      const bytes = Buffer.concat(messages)
      const whole = parser().feed(bytes, 1n, 1n)
      const source = parser()
      const parts = []
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = cuts[i % cuts.length]! + 1
        parts.push(...source.feed(bytes.subarray(at, at + size), 1n, 1n))
        at += size
      }
      expect(parts).toEqual(whole)
    }),
    { numRuns: 200 },
  )
})

test('any bytes at all: records or an end, never an exception', () => {
  const seed = Buffer.concat([unitChanged('a.service', 'active'), unitNew('b.service')])
  const edit = fc.tuple(fc.nat(seed.length - 1), fc.nat(255))
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 6 }), fc.uint8Array({ maxLength: 64 }), (edits, tail) => {
      const bytes = Buffer.concat([seed, tail])
      for (const [at, value] of edits) bytes[at] = value
      const source = parser()
      const records = source.feed(bytes, 1n, 1n)
      const ends = records.filter(({ kind }) => kind === 'disconnected')
      expect(ends.length).toBeLessThanOrEqual(1)
      if (ends.length === 1) expect(records.at(-1)).toBe(ends[0])
      expect(source.stats().messages).toBeLessThanOrEqual(3)
    }),
    { numRuns: 500 },
  )
})
