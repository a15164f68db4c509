import { expect, test } from 'vitest'
import { tellable } from '../../../../src/lib/credentials/tellable.js'

test.each([
  ['a header value', 'no Bearer sk-12345', ['Bearer sk-12345'], 'no [REDACTED]'],
  ['the token alone', 'unknown: sk-12345', ['Bearer sk-12345'], 'unknown: [REDACTED]'],
  ['a short one', 'v1: no v1.2, nor v1', ['v1', ''], '[REDACTED]: no [REDACTED].2, nor [REDACTED]'],
  ['a short one, but not within words', 'env12', ['v1'], 'env12'],
  ['a part of a value that is no secret', 'by Basic of old', ['Basic c2VjcmV0'], 'by Basic of old'],
  ['one that looks like a pattern', 'a+b.c$d(e and a+b', ['a+b.c$d(e', 'a+b'], '[REDACTED] and [REDACTED]'],
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
