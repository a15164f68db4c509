import fc from 'fast-check'
import { expect, test } from 'vitest'
import { printable } from '../../../src/config/problems.js'
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

test.each([
  ['a password', 'nats://user:hunter4@127.0.0.1:44222'],
  ['a token', 'nats://hunter4-token@127.0.0.1:44222'],
  ['a password longer than what is quoted', `https://user:${'hunter4'.repeat(20)}@db.example.com`],
  ['a password that no URL may hold', 'https://user:hun@ter4/hunter4@db.example.com/hunter4?a@b'],
  ['a password without a scheme', 'user:hunter4@127.0.0.1:44222'],
  ['a password where a slash is missing', 'nats:/user:hunter4@127.0.0.1'],
  ['a password where a colon is missing', 'nats//user:hunter4@127.0.0.1'],
  ['a password with a slash in it', 'user:pa/hunter4@127.0.0.1'],
  ['a password with a space in it', 'user:hunter 4hunter4@127.0.0.1'],
])('%s in a URL is not shown, wherever it is wrong', async (_what, url) => {
  const problems = [...(await verdict(everywhere(url))), ...(await verdict(withSource(`    pattern: "(${url}"`)))]
  expect(problems.length).toBeGreaterThan(20)
  expect(problems.join('\n')).toContain('***@')
  expect(problems.join('\n')).not.toMatch(/hunter|ter4/)
})

test.each([
  ['nats://nats@h', 'nats://***@h'],
  ['a:b@h:1', '***@h:1'],
  ['nats://h:1', 'nats://h:1'],
  ['getty@tty1.service', 'getty@tty1.service'],
  ['"getty@tty1.service" is not nats://h', '"getty@tty1.service" is not nats://h'],
])('%s is told as %s', (text, expected) => {
  expect(printable(text)).toBe(expected)
})

test('a password that is taken out is not part of what to write instead', async () => {
  const [problem] = await verdict(withSource('    unit_types: "nats://u:hunter4@h:1"'))
  expect(problem).toContain('expected a list, got the text "nats://***@h:1"')
  expect(problem).not.toContain('did you mean')
})

test.each([
  ['"hunter${2secretPART}rest"', 'is not a reference: write ${env:NAME} or ${file:path}, and $$ for a dollar'],
  ['"hunter${secretPART}rest"', 'is not a reference: write ${env:NAME} or ${file:path}, and $$ for a dollar'],
  ['"hunter${secret:PART}rest"', 'is not a reference: write ${env:NAME} or ${file:path}, and $$ for a dollar'],
  ['"pw${env:hunter2-xyz}"', 'no name of a variable stands after "env:": write'],
  ['"pw${env:A:hunter2}"', 'write ${env:A} or ${env:A:-default}'],
  ['"pw${hunter2"', 'is not a reference: write'],
  ['"pw${env:A"', 'a "}" is missing after "${"; write $$ for a dollar'],
  [
    '*hunter2secret',
    'is an alias (*name) without its anchor (&name) above it; text that begins with * must be put in quotes, such as "*.mount"',
  ],
])('a secret that YAML or we take for something else is not shown: %s', async (written, reason) => {
  for (const key of ['token', 'tokn', 'headers.authorization']) {
    const lines = key.includes('.') ? `headers: { authorization: ${written} }` : `${key}: ${written}`
    const said = (await verdict(`exporters:\n  sink:\n    endpoint: "127.0.0.1:4317"\n    ${lines}\n`)).join('\n')
    expect(said).toContain(`exporters.sink.${key}: ${reason}`)
    expect(said).not.toMatch(/hunter|secretPART|PART|xyz/)
  }
})

test('a secret that is in the place of a map is told by its kind', async () => {
  for (const [written, kind] of [
    ['"Bearer hunter2"', 'text'],
    ['12345', 'a number'],
    ['true', 'true or false'],
  ]) {
    const said = await verdict(`exporters:\n  sink:\n    headers: ${written}\n`)
    expect(said.join('\n')).toContain(`exporters.sink.headers: expected a map of keys, got ${kind}`)
  }
})

test('a file that is one text, a token by mistake, is not shown', async () => {
  expect((await verdict('hunter2\n')).join()).toMatch(/this is text$/)
})

test('a value of a variable does not appear in a warning of a window', async () => {
  const text = `${withSource('    burst: 1')}  maintenance: [{ units: ["\${env:U}"], from: "22:00", to: "02:00" }]\n`
  const said = (await verdict(text, { U: 'hunter2' })).join('\n')
  expect(said).toContain('the value of ${env:U} can only be a container')
  expect(said).not.toContain('hunter2')
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
  ['must be at least max (5), not "5"', 'must be at least max (${env:B}), not "${env:B}"', 'a short value is replaced'],
  ['line 15 of 5', 'line 15 of 5', 'and not among our own words'],
  ['is not a name', 'is not a name', 'whatever words these are'],
  ['no a.b*c', 'no ${env:C}', 'values are not patterns'],
])('%s -> %s (%s)', (reason, expected) => {
  const hidden = new Map([
    ['hunter2', '${env:A}'],
    ['5', '${env:B}'],
    ['a', 'the secret'],
    ['name', 'the secret'],
    ['a.b*c', '${env:C}'],
  ])
  expect(redact(reason, hidden)).toBe(expected)
})

test.each([
  ['headers: { authorization=Bearer hunter2 }', 'headers.authorization…: expected text, got nothing'],
  ['"token=hunter2": x', 'token…: is not a key here'],
  ['"token:hunter2": x', 'token…: is not a key here'],
  ['token hunter2: x', 'token…: is not a key here'],
  ['"token\\thunter2\\nhunter2": x', 'token…: is not a key here'],
  ['tls: { "=hunter2": x }', 'tls.…: is not a key here'],
])('a secret that slipped into its key is not shown: %s', async (written, reason) => {
  const said = (await verdict(`exporters:\n  sink:\n    endpoint: "127.0.0.1:4317"\n    ${written}\n`)).join('\n')
  expect(said).toContain(`exporters.sink.${reason}`)
  expect(said).not.toContain('hunter')
})

test('nor that in the id of a component, where others are told which there are', async () => {
  const pipeline = 'service: { pipelines: { all: { receivers: [far], exporters: [far] } } }'
  const said = await verdict(`exporters:\n  sink=hunter2hunter2: x\n${pipeline}\n`)
  expect(said.join('\n')).toContain('exporters.sink…: is not a component id')
  expect(said.join('\n')).toContain('in "exporters:", which has sink…')
  expect(said.join('\n')).not.toContain('hunter')
})
