import fc from 'fast-check'
import { uncompress } from 'snappyjs'
import { describe, expect, test } from 'vitest'
import { bodyOf, joinParcels, parcelOf } from '../../../../src/exporters/prometheus_remote_write/parcel.js'

// snappyjs, another's implementation of the block format, reads what ours writes.

describe('what is written, snappyjs reads', () => {
  const cases: readonly (readonly [what: string, input: Buffer])[] = [
    ['nothing', Buffer.alloc(0)],
    ['a byte', Buffer.from('a')],
    ['fifteen bytes, too few for a copy', Buffer.from('aaaaaaaaaaaaaaa')],
    ['a copy of 65 bytes, which is two', Buffer.concat([Buffer.from('x'), Buffer.alloc(69, 'y')])],
    ['one letter through several fragments', Buffer.alloc(200_000, 'z')],
    ['a literal of exactly 60, 61, 256 and 257 bytes', Buffer.concat([60, 61, 256, 257].map(distinct))],
    [
      'a copy from just within and just beyond two KiB',
      Buffer.concat([distinct(2047), distinct(2047), distinct(2049)]),
    ],
    ['a fragment without any repetition', distinct(65_536)],
    ['a fragment and a byte', Buffer.alloc(65_537, 'ab')],
  ]
  test.each(cases)('%s', (_, input) => {
    expect(decoded(parcelOf({ metrics: 1 }, input)).equals(input)).toBe(true)
  })

  test('any bytes, with repetitions near and far', () => {
    const word = fc.uint8Array({ minLength: 1, maxLength: 90 })
    const text = fc
      .tuple(fc.array(word, { minLength: 1, maxLength: 12 }), fc.array(fc.nat(), { maxLength: 3000 }))
      .map(([words, picks]) => Buffer.concat(picks.map((pick) => words[pick % words.length]!)))
    fc.assert(
      fc.property(fc.oneof(text, fc.uint8Array({ maxLength: 5000 })), (bytes) => {
        const input = Buffer.from(bytes)
        expect(decoded(parcelOf({ metrics: 1 }, input)).equals(input)).toBe(true)
      }),
      { numRuns: 300, seed: 7 },
    )
  })
})

test('requests joined without being compressed again are the requests one after the other', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 2000 }), { minLength: 1, maxLength: 8 }), (inputs) => {
      const joined = joinParcels(inputs.map((input, at) => parcelOf({ metrics: at }, input)))
      expect(joined.items).toBe(inputs.reduce((sum, _, at) => sum + at, 0))
      expect(decoded(joined).equals(Buffer.concat(inputs))).toBe(true)
    }),
    { numRuns: 200, seed: 7 },
  )
})

test('what repeats itself becomes a tenth', () => {
  const input = Buffer.from('systemd_unit_state{unit="demo.service"} '.repeat(1000))
  expect(parcelOf({ metrics: 1 }, input).byteLength).toBeLessThan(input.length / 10)
})

function decoded(parcel: ReturnType<typeof parcelOf>): Buffer {
  return Buffer.from(uncompress(bodyOf(parcel)))
}

/** Bytes of which no four come twice within a fragment, nearly. */
function distinct(length: number): Buffer {
  let state = length
  return Buffer.from(
    Array.from({ length }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return state >>> 24
    }),
  )
}
