import fc from 'fast-check'
import { expect, test } from 'vitest'
import { redact } from '../../../src/config/redact.js'
import { verdict, withSource } from './fakes.js'

/** A value in every place of a configuration that can be wrong, in each way of writing it. */
const everywhere = (reference: string) => `receivers:
  source:
    interval: ${reference}
    buffer: "${reference}"
    unit_types: ["${reference}", ${reference.startsWith('"') ? reference : `'${reference}'`}]
    burst: ${reference}
    ratio: a${reference}
    enabled: ${reference}
    limit: ${reference}
    match: { "name": "${reference}", "other": "${reference}" }
  source/regex:
    pattern: "(${reference}"
  source/a: ${reference}
  source/b: ["${reference}"]
processors: ${reference}
exporters:
  sink:
    endpoint: ${reference}
    token: [ "${reference}" ]
    user: ${reference}
    headers: "${reference}"
    tls:
      insecure: ${reference}
      min_version: ${reference}
  sink/b: { endpoint: "127.0.0.1:4317", token: { a: "${reference}" }, headers: { a: "${reference}", b: ["${reference}"] } }
extensions:
  health: { a: "${reference}" }
service:
  extensions: ["${reference}", "${reference}"]
  pipelines:
    all: { receivers: [source, source/regex, "${reference}"], processors: "${reference}", exporters: [sink, sink/b] }
  telemetry: { log_level: "${reference}", log_format: ${reference.includes('{') ? `"${reference}"` : reference} }
`

const secret = fc
  .string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 60 })
  .filter((text) => /[^a-z .:"'_]/.test(text) && !everywhere('${env:S}').includes(text))

test('no value of a variable appears in any message, wherever it is wrong', async () => {
  const problems = await verdict(everywhere('${env:S}'), { S: 'hunter2-Zx9' })
  expect(problems.length).toBeGreaterThan(20)
  await fc.assert(
    fc.asyncProperty(secret, async (value) => {
      expect((await verdict(everywhere('${env:S}'), { S: value })).join('\n')).not.toContain(value)
    }),
    { numRuns: 50 },
  )
})

test('no content of a file appears in any message', async () => {
  await fc.assert(
    fc.asyncProperty(secret, async (value) => {
      expect((await verdict(everywhere('${file:s}'), {}, { s: value })).join('\n')).not.toContain(value)
    }),
    { numRuns: 50 },
  )
})

test.each([
  ['a number', '12345678'],
  ['a list', '[hunter2, hunter3]'],
  ['a map', '{ hunter2: hunter3 }'],
])('an inline secret that is %s is not shown either', async (_what, written) => {
  const text = `exporters:\n  sink:\n    endpoint: "127.0.0.1:4317"\n    token: ${written}\n`
  const problems = await verdict(text)
  expect(problems.join('\n')).toContain('exporters.sink.token: expected text, got')
  expect(problems.join('\n')).not.toMatch(/hunter|12345678/)
})

test.each([
  ['of the wrong form', 'key: hunter2'],
  ['in place of the map it belongs in', 'headers: hunter2'],
  ['in place of a component', 'endpoint: localhost:1\n  sink/b: hunter2'],
  ['below a key that is not known', 'tokn: hunter2'],
])('an inline secret %s is not shown', async (_what, written) => {
  const problems = await verdict(`exporters:\n  sink:\n    ${written}\n`)
  expect(problems.length).toBeGreaterThan(1)
  expect(problems.join('\n')).not.toContain('hunter2')
})

test('a syntax error does not quote the secret beside it', async () => {
  for (const line of [
    '"hunter2" hunter3',
    '@hunter2',
    'hunter2: hunter3',
    '"hunter2',
    "'hunter2' 'hunter3'",
    '*hunter2 x',
  ]) {
    const problems = await verdict(`exporters:\n  sink:\n    token: ${line}\n`)
    expect(problems.join('\n')).not.toContain('hunter2')
    expect(problems.join('\n')).not.toContain('hunter3')
  }
})

test('a value of a variable is not searched for references', async () => {
  const text = withSource('    pattern: "(${env:A}"')
  const [problem] = await verdict(text, { A: '${env:B}', B: 'hunter2' })
  expect(problem).toContain('Invalid regular expression: /(${env:A}/')
  expect(problem).not.toContain('hunter2')
})

test.each([
  ['bad value "hunter2"', 'bad value "${env:A}"', 'the whole value becomes its reference'],
  ['unexpected "unter2"', 'is not accepted; the reason is not shown because it quotes ${env:A}', 'a piece is withheld'],
  ['unexpected "2"', 'unexpected "2"', 'a letter gives nothing away'],
  ['must be at least 5', 'must be at least ${env:B}', 'a short value is replaced where it stands alone'],
  ['line 15 of 25', 'line 15 of 25', 'and not within other words'],
  ['no a.b*c', 'no ${env:C}', 'values are not patterns'],
])('%s -> %s (%s)', (reason, expected) => {
  const hidden = new Map([
    ['hunter2', '${env:A}'],
    ['5', '${env:B}'],
    ['a.b*c', '${env:C}'],
  ])
  expect(redact(reason, hidden)).toBe(expected)
})
