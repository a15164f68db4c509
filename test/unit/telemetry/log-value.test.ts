import fc from 'fast-check'
import { expect, test } from 'vitest'
import { escapeControls, logValue } from '../../../src/telemetry/log-value.js'

const check = (value: unknown, expected: unknown) => expect(logValue(value)).toEqual(expected)

test('values that JSON cannot carry become readable ones', () => {
  check(12n, '12')
  check(Number.NaN, 'NaN')
  check(undefined, undefined)
  check(() => {}, '[function]')
  check(new Map([['a', 1n]]), { a: '1' })
  check(Object.assign(new Error('no', { cause: new Error('why') }), { code: 'EACCES' }), {
    message: 'no',
    code: 'EACCES',
    cause: { message: 'why' },
  })
  check(new Error('exporter x could not start: in use', { cause: new Error('in use') }), {
    message: 'exporter x could not start: in use',
  })
})

test('long text is cut at 8 KiB and says how long it was', () => {
  const text = String(logValue('x'.repeat(100_000)))
  expect(text.length).toBeLessThan(8300)
  expect(text).toMatch(/\(100000 characters\)$/)
})

test('a cut does not split a surrogate pair', () => {
  const text = String(logValue(`${'x'.repeat(8191)}\u{1f600}${'y'.repeat(10)}`))
  expect(text).not.toMatch(/\p{Surrogate}/u)
})

test('a value with a cycle, or a getter that throws, cannot take the agent down', () => {
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  expect(JSON.stringify(logValue(cycle))).toContain('[...]')
  check(
    Object.defineProperty({}, 'trap', {
      enumerable: true,
      get: () => {
        throw new Error('trap')
      },
    }),
    '[unreadable]',
  )
})

test('__proto__ stays a key', () => {
  const value = logValue(JSON.parse('{"__proto__": {"polluted": true}}')) as Record<string, unknown>
  expect(Object.keys(value)).toEqual(['__proto__'])
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
})

test('whatever is logged, a line stays one line of bounded length without control characters', () => {
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withMap: true, withSparseArray: true }), (value) => {
      const text = escapeControls(JSON.stringify(logValue({ value })) ?? '')
      expect(text).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u)
      expect(text.length).toBeLessThan(3_000_000)
    }),
  )
})

test('control characters are shown, not obeyed', () => {
  expect(escapeControls('a\n\x1b[31mred\u202e\u009b')).toBe('a\\n\\u001b[31mred\\u202e\\u009b')
})
