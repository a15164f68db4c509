/**
 * Name patterns as users write them: an exact name, `prefix*`, or a glob with `*` (any text), `?` (one character) and
 * `[abc]`, `[a-z]`, `[!a]`. Case counts. A backslash is an ordinary character, since unit names contain it (`\x2d`).
 */
export type NameTest = (name: string) => boolean

/** Unit names end at 255 characters (systemd, UNIT_NAME_MAX); a longer pattern can match none. */
const kMaxPatternLength = 255

/** Matching takes steps in the order of pattern times name; attribute values have no limit of their own. */
const kMaxMatchedLength = 4096

type Token = { readonly kind: 'star' } | { readonly kind: 'one'; readonly test: (code: number) => boolean }

/** Compiles one pattern, or says what is wrong with it. */
export function compilePattern(pattern: string): NameTest | { readonly reason: string } {
  if (pattern === '') return { reason: 'an empty pattern matches nothing; write "*" for everything' }
  if (pattern.length > kMaxPatternLength)
    return { reason: `the pattern is longer than ${kMaxPatternLength} characters` }
  if (pattern === '*') return () => true
  if (!/[*?[]/.test(pattern)) return (name) => name === pattern
  const prefix = pattern.slice(0, -1)
  if (pattern.endsWith('*') && !/[*?[]/.test(prefix)) return (name) => name.startsWith(prefix)
  const tokens = tokenize(pattern)
  if ('reason' in tokens) return tokens
  return (name) => name.length <= kMaxMatchedLength && matchTokens(tokens, name)
}

/** Compiles a list that matches when one of its patterns does; undefined for an empty list. The patterns are valid. */
export function compilePatterns(patterns: readonly string[]): NameTest | undefined {
  if (patterns.length === 0) return undefined
  const exact = new Set(patterns.filter((pattern) => !/[*?[]/.test(pattern)))
  const tests = patterns
    .filter((pattern) => !exact.has(pattern))
    .map((pattern) => {
      const test = compilePattern(pattern)
      if (typeof test !== 'function') throw new Error(`pattern ${pattern}: ${test.reason}`)
      return test
    })
  if (tests.length === 0) return (name) => exact.has(name)
  return (name) => {
    if (exact.has(name)) return true
    for (const test of tests) if (test(name)) return true
    return false
  }
}

function tokenize(pattern: string): Token[] | { readonly reason: string } {
  const tokens: Token[] = []
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!
    if (char === '*') {
      if (tokens.at(-1)?.kind !== 'star') tokens.push({ kind: 'star' })
    } else if (char === '?') {
      tokens.push({ kind: 'one', test: () => true })
    } else if (char === '[') {
      const end = pattern.indexOf(']', pattern[at + 1] === '!' ? at + 3 : at + 2)
      if (end < 0) return { reason: `"[" at character ${at + 1} is not closed by "]"` }
      const test = compileClass(pattern.slice(at + 1, end))
      if (typeof test !== 'function') return test
      tokens.push({ kind: 'one', test })
      at = end
    } else {
      const code = char.charCodeAt(0)
      tokens.push({ kind: 'one', test: (other) => other === code })
    }
  }
  return tokens
}

function compileClass(text: string): ((code: number) => boolean) | { readonly reason: string } {
  const negated = text.startsWith('!')
  const body = negated ? text.slice(1) : text
  const ranges: (readonly [number, number])[] = []
  for (let at = 0; at < body.length; at++) {
    const low = body.charCodeAt(at)
    if (body[at + 1] === '-' && at + 2 < body.length) {
      const high = body.charCodeAt(at + 2)
      if (high < low) return { reason: `the range "${body.slice(at, at + 3)}" is upside down` }
      ranges.push([low, high])
      at += 2
    } else ranges.push([low, low])
  }
  return (code) => ranges.some(([low, high]) => code >= low && code <= high) !== negated
}

// On a mismatch only the last star can take one more character: earlier ones matched as early as they could. So the
// worst case is tokens times characters, never exponential.
function matchTokens(tokens: readonly Token[], name: string): boolean {
  let token = 0
  let at = 0
  let starToken = -1
  let starAt = 0
  while (at < name.length) {
    const current = tokens[token]
    if (current?.kind === 'star') {
      starToken = token++
      starAt = at
    } else if (current?.kind === 'one' && current.test(name.charCodeAt(at))) {
      token++
      at++
    } else if (starToken >= 0) {
      token = starToken + 1
      at = ++starAt
    } else return false
  }
  while (tokens[token]?.kind === 'star') token++
  return token === tokens.length
}
