import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compilePattern, compilePatterns } from '../../../../src/lib/matching/pattern.js'

function check(pattern: string, name: string): boolean {
  const compiled = compilePattern(pattern)
  if (typeof compiled !== 'function') throw new Error(compiled.reason)
  // A list must never decide otherwise than its only member.
  expect(compilePatterns([pattern])?.(name)).toBe(compiled(name))
  return compiled(name)
}

describe('patterns match unit names as an operator expects', () => {
  test.each([
    ['nginx.service', 'nginx.service', true],
    ['nginx.service', 'Nginx.service', false],
    ['nginx.service', 'nginx.service2', false],
    ['nginx*', 'nginx.service', true],
    ['nginx*', 'nginx', true],
    ['nginx*', 'my-nginx', false],
    ['*', '', true],
    ['*.service', 'a.service', true],
    ['*.service', 'a.timer', false],
    ['user@*.service', 'user@1000.service', true],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['web-?.service', 'web-1.service', true],
    ['web-?.service', 'web-10.service', false],
    ['web-[0-9].service', 'web-7.service', true],
    ['web-[!0-9].service', 'web-7.service', false],
    ['web-[!0-9].service', 'web-x.service', true],
    ['x[]]y', 'x]y', true],
    ['x[!]]y', 'x]y', false],
    ['[a-]', '-', true],
    // systemd's own escapes hold a backslash, which is nothing special here.
    ['dev-disk-by\\x2duuid-*.device', 'dev-disk-by\\x2duuid-1.device', true],
    ['**', 'anything', true],
  ])('%s with %s: %s', (pattern, name, expected) => {
    expect(check(pattern, name)).toBe(expected)
  })

  test('a bad pattern is refused with its place', () => {
    expect(compilePattern('')).toMatchObject({ reason: expect.stringContaining('"*"') })
    expect(compilePattern('web-[0-9')).toMatchObject({ reason: expect.stringContaining('character 5') })
    expect(compilePattern('[z-a]')).toMatchObject({ reason: expect.stringContaining('z-a') })
    expect(compilePattern('x'.repeat(256))).toMatchObject({ reason: expect.stringContaining('255') })
    expect(typeof compilePattern('x'.repeat(255))).toBe('function')
  })

  test('an empty list is no test at all', () => {
    expect(compilePatterns([])).toBeUndefined()
  })

  test('agrees with a regular expression made from the same pattern', () => {
    const char = fc.constantFrom('a', 'b', '-')
    const part = fc.oneof(char, fc.constantFrom('*', '?', '[ab]', '[!a]'))
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), fc.array(char, { maxLength: 10 }), (parts, chars) => {
        const source = parts
          .map((p) => (p === '*' ? '.*' : p === '?' ? '.' : p.startsWith('[') ? p.replace('!', '^') : p))
          .join('')
        expect(check(parts.join(''), chars.join(''))).toBe(new RegExp(`^${source}$`).test(chars.join('')))
      }),
    )
  })

  test('many stars on a long name take steps, not for ever', () => {
    expect(check(`${'*a'.repeat(100)}b`, 'a'.repeat(4000))).toBe(false)
  })
})
