import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../../src/config/config.js'
import { registrations } from '../../../src/registry.js'

// What a README of a processor shows must be a configuration that works, and what it says of mistakes must be so.

const folder = resolve(import.meta.dirname, '../../../src/processors')

/** @param processors - YAML that begins with `processors:` */
async function check(processors: string): Promise<string> {
  const ids = [...processors.matchAll(/^ {2}([a-z_]+(?:\/[a-z_]+)?):/gm)].map(([, id]) => id)
  const text = [
    'receivers: { systemd: {} }',
    processors,
    'exporters: { debug: {} }',
    'service:',
    `  pipelines: { units: { receivers: [systemd], processors: [${ids.join(', ')}], exporters: [debug] } }`,
    '',
  ].join('\n')
  const config = await parseConfig(text, 'test.yaml', registrations, {
    env: { HASH_SALT: 'pepper' },
    readFile: () => Promise.reject(new Error('no file is read here')),
  })
  return [...config.processors.keys()].join(', ')
}

describe('the examples of the READMEs are valid', () => {
  test.each(readdirSync(folder))('%s', async (type) => {
    const readme = readFileSync(resolve(folder, type, 'README.md'), 'utf8')
    const examples = [...readme.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml]) => yaml!)
    expect(examples.length).toBeGreaterThan(0)
    for (const example of examples) expect(await check(example)).toContain(type)
  })
})

test('a wrong expression is reported at its place in the file', async () => {
  const wrong = [
    'processors:',
    '  filter:',
    '    exclude:',
    '      - names: [x]',
    '      - expression: severity >',
    '',
  ].join('\n')
  await expect(check(wrong)).rejects.toThrow(
    /test\.yaml:6:\d+ processors\.filter\.exclude\[1\]\.expression: .*CEL at character/,
  )
})
