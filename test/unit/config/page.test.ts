import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCli } from '../cli/support.js'

// docs/configuration.md shows configurations and, below the bad ones, what the agent says. Both must be true.

const page = new URL('../../../docs/configuration.md', import.meta.url)
const text = readFileSync(page, 'utf8')

/** A `yaml` block and the `text` block after it, if there is one. */
const examples = [...text.matchAll(/```yaml\n([\s\S]*?)```\n(?:\n```text\n([\s\S]*?)```\n)?/g)].map(
  ([, yaml, said]) => ({ yaml: yaml!, said }),
)

test('the page has its examples', () => {
  expect(examples.map(({ said }) => said !== undefined)).toEqual([false, false, true, true])
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

/** What `unitscope validate --config agent.yaml` prints beside its OK; nothing of a configuration without fault. */
async function outcome(yaml: string): Promise<string> {
  const before = process.cwd()
  const folder = mkdtempSync(join(tmpdir(), 'unitscope-page-'))
  try {
    process.chdir(folder)
    writeFileSync('agent.yaml', yaml, { mode: 0o600 })
    const { exit, stderr } = await runCli(['validate', '--config', 'agent.yaml'])
    expect(exit).toBe(stderr === '' ? 0 : 78)
    return stderr
  } finally {
    process.chdir(before)
    rmSync(folder, { recursive: true })
  }
}

test('the page counts the pipelines that ship', () => {
  const words = ['No', 'One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine', 'Ten']
  const files = readdirSync(new URL('../../../pipelines/', import.meta.url))
  expect(text).toContain(`${words[files.length]} files to start from`)
})

test('every code of a problem or a warning stands on the page', () => {
  const codes = ['errors.ts', 'config/config.ts', 'config/agent-config.ts'].flatMap((file) => {
    const source = readFileSync(new URL(`../../../src/${file}`, import.meta.url), 'utf8')
    return source.match(/CFG_[A-Z_]+/g) ?? []
  })
  expect(new Set(codes).size).toBeGreaterThan(10)
  for (const code of new Set(codes)) expect(text).toContain(`\`${code}\``)
})
