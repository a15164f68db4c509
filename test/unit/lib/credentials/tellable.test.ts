import { expect, test } from 'vitest'
import { tellable } from '../../../../src/lib/credentials/tellable.js'

test.each([
  ['a header value', 'no Bearer sk-12345', ['Bearer sk-12345'], 'no [REDACTED]'],
  ['the token alone', 'unknown: sk-12345', ['Bearer sk-12345'], 'unknown: [REDACTED]'],
  ['what is no secret', 'no v1 here', ['v1', ''], 'no v1 here'],
  ['several lines', 'a\r\n\u001b[31mb\u0085\u2028c', [], 'a [31mb c'],
  ['a page', 'x'.repeat(5000), [], 'x'.repeat(200)],
  ['a secret where the text is cut', `${'x'.repeat(195)} sk-12345`, ['sk-12345'], `${'x'.repeat(195)} [RED`],
])('of what a server says is told: %s', (_, text, secrets, expected) => {
  expect(tellable(text, secrets)).toBe(expected)
})

test('of two secrets that begin alike, nothing of the longer one is told, in whatever order they are configured', () => {
  const secrets = ['tenant-1', 'tenant-1-key-9876']
  for (const known of [secrets, secrets.toReversed()])
    expect(tellable('no tenant-1-key-9876 for tenant-1', known)).toBe('no [REDACTED] for [REDACTED]')
})
