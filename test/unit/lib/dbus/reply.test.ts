import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseReply } from '../../../../src/lib/dbus/reply.js'
import { WireError, WireReader } from '../../../../src/lib/dbus/wire-reader.js'
import { answer, dictionary, refusal, variant, written } from './oracle.js'

/** A type, a value as the other implementation takes it, and as it should be read. */
interface Sample {
  readonly signature: string
  readonly given: unknown
  readonly read: unknown
}

const plain = (signature: string, values: fc.Arbitrary<unknown>): fc.Arbitrary<Sample> =>
  values.map((value) => ({ signature, given: value, read: value }))
const basic = [
  plain('y', fc.integer({ min: 0, max: 255 })),
  plain('b', fc.boolean()),
  plain('n', fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 })),
  plain('q', fc.integer({ min: 0, max: 2 ** 16 - 1 })),
  plain('i', fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  plain('u', fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  // dbus-next refuses -(2 ** 63).
  plain('x', fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n })),
  plain('t', fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  // dbus-next writes no other, and -0 as 0.
  plain(
    'd',
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  ),
  plain(
    's',
    fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
  ),
  plain('o', fc.constant('/org/freedesktop/systemd1/unit/a_40b_2eservice')),
  plain('g', fc.constantFrom('', 'a{sv}', '(ii)')),
  plain(
    'ay',
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  ),
]
const { sample } = fc.letrec<{ sample: Sample }>((tie) => ({
  sample: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    ...basic,
    tie('sample').map(({ signature, given, read }) => ({ signature: 'v', given: variant(signature, given), read })),
    fc.array(tie('sample'), { minLength: 1, maxLength: 4 }).map((members) => ({
      signature: `(${members.map(({ signature }) => signature).join('')})`,
      given: members.map(({ given }) => given),
      read: members.map(({ read }) => read),
    })),
    fc.tuple(tie('sample'), fc.integer({ min: 0, max: 5 })).map(([{ signature, given, read }, count]) => {
      // Of bytes it is a buffer.
      const of = signature === 'y' ? 'u' : signature
      return { signature: `a${of}`, given: Array(count).fill(given), read: Array(count).fill(read) }
    }),
    fc
      .tuple(tie('sample'), fc.uniqueArray(fc.stringMatching(/^[a-zA-Z]+$/)))
      .map(([{ signature, given, read }, keys]) => ({
        signature: `a{s${signature}}`,
        given: keys.map((key) => [key, given]),
        read: Object.fromEntries(keys.map((key) => [key, read])),
      })),
  ),
}))

test('an answer holds what was written, whatever its types', () => {
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1, maxLength: 3 }), (samples) => {
      const signature = samples.map((one) => one.signature).join('')
      const reply = parseReply(
        answer(
          9,
          signature,
          samples.map(({ given }) => given),
        ),
      )
      expect(reply).toEqual({ serial: 9, error: undefined, body: samples.map(({ read }) => read) })
    }),
  )
})

test.each<[signature: string, hex: string, read: unknown]>([
  ['d', '0000000000000080', -0],
  ['d', '000000000000f07f', Number.POSITIVE_INFINITY],
  ['x', '0000000000000080', -(2n ** 63n)],
])('what dbus-next cannot write is read, too: %s %s', (signature, hex, read) => {
  expect(new WireReader(Buffer.from(hex, 'hex'), true).values(signature)).toEqual([read])
})

test('an error has its name, and what it says', () => {
  const name = 'org.freedesktop.systemd1.NoSuchUnit'
  expect(parseReply(refusal(3, name, 'Unit x is not loaded.'))).toEqual({
    serial: 3,
    error: name,
    body: ['Unit x is not loaded.'],
  })
})

test('what answers nobody is left unread', () => {
  const signal = { type: 4, serial: 1, path: '/a', interface: 'a.b', member: 'C', signature: 's', body: ['x'] }
  const bytes = written(signal)
  bytes.fill(0xff, 24) // whatever it holds
  expect(parseReply(bytes)).toBeUndefined()
})

test('numbers of a machine with the other byte order are read', () => {
  // METHOD_RETURN to 5 with one `u`: REPLY_SERIAL, SIGNATURE, then the body.
  const bytes = Buffer.from('4202000100000004000000010000000f0501750000000005080167000175000000000102', 'hex')
  expect(bytes.length % 4).toBe(0)
  expect(parseReply(bytes)).toEqual({ serial: 5, error: undefined, body: [0x0102] })
})

test('bytes that are damaged anywhere are read, or are no message; nothing else happens', () => {
  const good = answer(9, 'a(ssou)a{sv}tay', [
    [['a.service', 'loaded', '/job/1', 7]],
    dictionary({
      Names: variant('as', ['a', 'b']),
      Since: variant('t', 5n),
      Nested: variant('v', variant('b', true)),
    }),
    1n,
    Buffer.from('abc'),
  ])
  const damage = fc.tuple(fc.integer({ min: 1, max: good.length - 1 }), fc.integer({ min: 0, max: 255 }))
  fc.assert(
    fc.property(
      fc.array(damage, { minLength: 1, maxLength: 4 }),
      fc.option(fc.integer({ min: 16, max: good.length })),
      (changes, cut) => {
        const bytes = Buffer.from(good)
        for (const [at, value] of changes) bytes[at] = value
        try {
          parseReply(bytes.subarray(0, cut ?? bytes.length))
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
      },
    ),
    { numRuns: 20_000 },
  )
})

test.each([
  ['no type', 'z'],
  ['a structure without end', '(s'],
  ['an empty structure', '()'],
  ['an array of nothing', 'a'],
  ['a dictionary without end', 'a{sv'],
  ['a dictionary with one part', 'a{s}'],
  ['a dictionary with three', 'a{sss}'],
  ['keys that are structures', 'a{(s)v}'],
  ['an entry outside of a dictionary', '{sv}'],
  ['a brace alone', '}'],
  ['arrays in each other without end', 'a'.repeat(255)],
])('%s is no type', (_, signature) => {
  const zeros = (): WireReader => new WireReader(Buffer.alloc(1024), true)
  expect(() => zeros().values(signature)).toThrow(WireError)
})

test.each<[story: string, signature: string, hex: string]>([
  ['a number that is cut off', 'u', '0000'],
  ['a text longer than the message', 's', 'ffffff7f6100'],
  ['a text without NUL', 's', '010000006162'],
  ['a boolean of 2', 'b', '02000000'],
  ['padding with something in it', 'yu', '01ff000001000000'],
  ['an array over its end', 'au', '0800000001000000'],
  ['an array that ends within an element', 'au', '0600000001000000010000000000'],
  ['an array of more than 64 MiB', 'ay', '01000004'],
  ['a variant of two types', 'v', '0275750000000000000000000000'],
  ['a variant of none', 'v', '0000'],
  ['variants in each other without end', 'v', '017600'.repeat(70)],
])('%s is refused', (_, signature, hex) => {
  expect(() => new WireReader(Buffer.from(hex, 'hex'), true).values(signature)).toThrow(WireError)
})
