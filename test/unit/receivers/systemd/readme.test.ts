import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../../../src/config/config.js'
import { event, metric } from '../../../../src/lib/systemd/names.js'
import { schema } from '../../../../src/receivers/systemd/config.js'
import { registrations } from '../../../../src/registry.js'

const folder = resolve(import.meta.dirname, '../../../../src/receivers/systemd')
const readme = readFileSync(resolve(folder, 'README.md'), 'utf8')

test('its example is a configuration that works', async () => {
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(readme) ?? []
  const config = await parseConfig(`${yaml}exporters: { debug: {} }\n`, 'test.yaml', registrations, {
    env: {},
    readFile: () => Promise.reject(new Error('no file is read here')),
  })
  expect(config.warnings).toEqual([])
  expect([...config.receivers.keys()]).toEqual(['systemd'])
})

/** Names in backticks, also as parts of `a.b`, `.c`. */
const named = (name: string): boolean => readme.includes(`\`${name}\``)

describe('nothing is left out', () => {
  test.each(Object.keys(schema.properties))('option %s', (name) => expect(named(name)).toBe(true))
  // Those of others stand in theirs.
  const told = Object.values(event).filter((name) => !/^(systemd\.journal|unitscope|incident)\./.test(name))
  test.each(told)('event %s', (name) => expect(named(name)).toBe(true))
  const own = Object.values(metric).filter((name) => !/\.(cpu|memory|io|pids|pressure|cgroup)\b/.test(name))
  test.each(own)('metric %s', (name) => expect(named(name)).toBe(true))
})

test('defaults of the table are those of the schema', () => {
  const rows = new Map(
    [...readme.matchAll(/^\| `(\w+)` +\| `([^`]*)` +\|/gm)].map(([, name, value]) => [name!, value!]),
  )
  expect(rows.size).toBeGreaterThan(4)
  for (const [name, value] of rows) {
    const { default: standard } = schema.properties[name as keyof typeof schema.properties] as { default?: unknown }
    expect(String(standard), name).toBe(value)
  }
})

test('links lead somewhere', () => {
  for (const [, link] of readme.matchAll(/\]\((\.[^)#]+)/g)) readFileSync(resolve(folder, link!))
})
