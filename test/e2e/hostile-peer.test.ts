import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'

// The soak of the same name, which a release runs with a million refused messages; here as many as take a few seconds.
const kMessages = 4000

test(`${kMessages} malformed messages from a hostile bus: no crash, no leak, every one accounted for`, async () => {
  const flags = ['--expose-gc', '--max-semi-space-size=1']
  const soak = spawn(process.execPath, [...flags, 'test/soak/run.mjs', 'hostile', '--messages', `${kMessages}`])
  let output = ''
  for (const stream of [soak.stdout, soak.stderr]) stream.on('data', (chunk) => (output += chunk))
  const [code] = await once(soak, 'close')
  expect(code, output).toBe(0)
  expect(Number(/^(\d+) malformed messages refused/.exec(output)?.[1])).toBeGreaterThanOrEqual(kMessages)
  expect(output).toContain('all accounted for, nothing grew')
})
