import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/config.js'
import { registrations } from '../../src/registry.js'

// What the page of a component shows must be a configuration that works, and what it says of mistakes must be so.

const src = resolve(import.meta.dirname, '../../src')
const sections = ['receivers', 'processors', 'exporters'] as const

/** Most examples leave out what is not their subject: it is added, so that the whole can be read by the agent. */
function whole(example: string): string {
  const has = (key: string): boolean => new RegExp(`^${key}:`, 'm').test(example)
  const named = (section: string): string[] =>
    [...example.matchAll(new RegExp(`\\b${section}: \\[([^\\]]*)\\]`, 'g'))].flatMap(([, list]) => list!.split(/, */))
  const defined = (section: string): string[] => {
    const body = new RegExp(`^${section}:\\n((?: .*\\n|\\n)*)`, 'm').exec(example)?.[1] ?? ''
    return [...body.matchAll(/^ {2}([a-z_]+(?:\/[a-z_]+)?):/gm)].map(([, id]) => id!)
  }
  const stand = { receivers: ['systemd'], processors: [], exporters: ['debug'] }
  const lines = [example]
  for (const section of sections) {
    const ids = has('service') ? named(section) : stand[section]
    if (!has(section) && ids.length > 0) lines.push(`${section}: { ${ids.map((id) => `${id}: {}`).join(', ')} }`)
  }
  if (!has('service')) {
    const list = (section: (typeof sections)[number]): string =>
      `${section}: [${(has(section) ? defined(section) : stand[section]).join(', ')}]`
    lines.push(`service: { pipelines: { units: { ${sections.map(list).join(', ')} } } }`)
  }
  return `${lines.join('\n')}\n`
}

async function check(example: string) {
  return parseConfig(whole(example), 'test.yaml', registrations, {
    env: { HASH_SALT: 'pepper', OTLP_API_KEY: 'sk-0123456789', PROMETHEUS_TOKEN: 't-0123456789' },
    readFile: () => Promise.reject(new Error('no file is read here')),
  })
}

function pageOf({ kind, type }: (typeof registrations)[number]): string {
  const file = resolve(src, `${kind}s`, type, 'README.md')
  expect(existsSync(file), file).toBe(true)
  return readFileSync(file, 'utf8')
}

describe.each(registrations.map((one) => [`${one.kind} ${one.type}`, one] as const))('the page of %s', (_, one) => {
  test('opens with its name and what it is for, and says what to do when it fails', () => {
    const lines = pageOf(one).split('\n')
    expect(lines[0]).toMatch(new RegExp(`^# ${one.type}( ${one.kind})?$`))
    expect(lines[2]).toMatch(/^[A-Z].{20,}/)
    expect(lines).toContain('## Troubleshooting')
  })

  test('has examples that are valid and use it', async () => {
    const examples = [...pageOf(one).matchAll(/```yaml\n([\s\S]*?)```/g)]
      .map(([, yaml]) => yaml!)
      .filter((yaml) => new RegExp(`^(${sections.join('|')}):`, 'm').test(yaml))
    expect(examples.length).toBeGreaterThan(0)
    for (const example of examples) {
      const config = await check(example)
      const ids = [
        ...config.receivers.keys(),
        ...config.processors.keys(),
        ...config.exporters.keys(),
        ...config.extensions.keys(),
      ]
      expect(ids.map((id) => id.split('/')[0])).toContain(one.type)
    }
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
    /test\.yaml:5:\d+ processors\.filter\.exclude\[1\]\.expression: .*CEL at character/,
  )
})
