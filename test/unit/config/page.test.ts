import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseConfig } from '../../../src/config/config.js'
import { ConfigError } from '../../../src/errors.js'
import { registrations } from '../../../src/registry.js'
import { sourcesOf } from './fakes.js'

// docs/configuration.md shows configurations and, below the bad ones, what the agent says. Both must be true.

const page = new URL('../../../docs/configuration.md', import.meta.url)
const text = readFileSync(page, 'utf8')

/** A `yaml` block and the `text` block after it, if there is one. */
const examples = [...text.matchAll(/```yaml\n([\s\S]*?)```\n(?:\n```text\n([\s\S]*?)```\n)?/g)].map(
  ([, yaml, said]) => ({ yaml: yaml!, said }),
)

test('the page has its examples', () => {
  expect(examples.map(({ said }) => said !== undefined)).toEqual([false, true, true])
})

test.each(examples)('the example is what the agent says: $yaml', async ({ yaml, said }) => {
  const message = await outcome(yaml)
  if (process.env['UPDATE_GOLDEN'] === '1' && said !== undefined)
    writeFileSync(
      page,
      readFileSync(page, 'utf8').replace(`\`\`\`text\n${said}`, () => `\`\`\`text\n${message}`),
    )
  else expect(message).toBe(said ?? '')
})

async function outcome(yaml: string): Promise<string> {
  try {
    await parseConfig(yaml, 'agent.yaml', registrations, sourcesOf())
    return ''
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return `${error.message}\n`
  }
}

test('every code of a problem or a warning stands on the page', () => {
  const codes = ['errors.ts', 'config/config.ts', 'config/agent-config.ts'].flatMap((file) => {
    const source = readFileSync(new URL(`../../../src/${file}`, import.meta.url), 'utf8')
    return source.match(/CFG_[A-Z_]+/g) ?? []
  })
  expect(new Set(codes).size).toBeGreaterThan(10)
  for (const code of new Set(codes)) expect(text).toContain(`\`${code}\``)
})
