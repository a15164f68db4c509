import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ConfigError } from '../../../src/errors.js'
import { parse, withSource } from './fakes.js'

/** Text that is nearly YAML: its marks, our words, and whatever else. */
const yamlish = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...['receivers', 'exporters', 'service', 'pipelines', 'source', 'sink', 'all', 'endpoint', 'interval', 'match'],
        ...[
          '__proto__',
          'constructor',
          'prototype',
          '<<',
          'toString',
          'hasOwnProperty',
          '${env:A}',
          '${file:a}',
          '${',
          '$$',
          '}',
        ],
        ...[
          ': ',
          ':\n  ',
          '\n',
          '\n  ',
          '\n    ',
          '- ',
          '[',
          ']',
          '{',
          '}',
          ', ',
          '"',
          "'",
          '|',
          '>',
          '#',
          '&a ',
          '*a',
          '!t ',
          '? ',
          '---\n',
          '%',
        ],
        ...['10s', '5', '1e3', '0x1', 'null', 'true', '~', '.nan', '\t', '\r\n', '\u2028', '\uFEFF', '\\'],
      ),
      fc.string({ maxLength: 8 }),
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(''))

test('any text is a configuration or a ConfigError, with places inside the text', async () => {
  await fc.assert(
    fc.asyncProperty(yamlish, (text) => survives(text)),
    { numRuns: 600 },
  )
})

test('so is any text in the place of a value', async () => {
  await fc.assert(
    fc.asyncProperty(yamlish, (text) => survives(withSource(`    ${text.replace(/\n/g, '\n    ')}`))),
    { numRuns: 300 },
  )
})

async function survives(text: string): Promise<void> {
  try {
    await parse(text, { A: 'a' }, { a: 'b' })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const lines = text.split('\n')
    expect(error.problems.length).toBeGreaterThan(0)
    for (const { position, reason } of error.problems) {
      expect(position.line).toBeGreaterThanOrEqual(1)
      expect(position.line).toBeLessThanOrEqual(lines.length)
      expect(position.column).toBeGreaterThanOrEqual(1)
      expect(position.column).toBeLessThanOrEqual(lines[position.line - 1]!.length + 1)
      expect(reason).not.toBe('')
      expect(reason).not.toContain('\n')
    }
  }
  expect(Object.keys(Object.prototype)).toEqual([])
}

test('keys of a user never reach a prototype', async () => {
  const key = fc.oneof(
    fc.constantFrom(
      'toString',
      'valueOf',
      'hasOwnProperty',
      '__defineGetter__',
      '__lookupSetter__',
      'isPrototypeOf',
      'then',
    ),
    // Three names are refused as keys, whatever they hold; golden/config/forbidden-keys has that.
    fc.stringMatching(/^[a-z_]{1,12}$/).filter((name) => !['__proto__', 'constructor', 'prototype'].includes(name)),
  )
  await fc.assert(
    fc.asyncProperty(key, fc.string({ maxLength: 20 }), async (name, value) => {
      const config = await parse(
        `receivers: { source: }\nexporters:\n  sink:\n    endpoint: "127.0.0.1:1"\n    headers: { "${name}": ${JSON.stringify(value.replaceAll('$', ''))} }\nservice: { pipelines: { all: { receivers: [source], exporters: [sink] } } }\n`,
      )
      const { headers } = config.exporters.get('sink')!.config as { headers: Record<string, string> }
      expect(Object.getPrototypeOf(headers)).toBeNull()
      expect(Object.entries(headers)).toEqual([[name, value.replaceAll('$', '')]])
      expect(Object.keys(Object.prototype)).toEqual([])
    }),
    { numRuns: 100 },
  )
})

test('a text that needs no escape comes out as it went in, quoted or substituted', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }), async (value) => {
      const text = withSource('    match: ["${env:V}"]')
      const config = await parse(text, { V: value })
      expect((config.receivers.get('source')!.config as { match: unknown }).match).toEqual([value])
    }),
    { numRuns: 200 },
  )
})
