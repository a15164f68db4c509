import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'

// The soak of the same name, which a release runs with ten million signals; here as many as take a few seconds.
const kSignals = 60_000

test(`${kSignals} signals through a whole agent, with units that come and go: every one accounted for`, async () => {
  const flags = ['--expose-gc', '--max-semi-space-size=1']
  const argv = ['test/soak/run.mjs', 'signals', '--signals', `${kSignals}`, '--parts', '4']
  const soak = spawn(process.execPath, [...flags, ...argv])
  let output = ''
  for (const stream of [soak.stdout, soak.stderr]) stream.on('data', (chunk) => (output += chunk))
  const [code] = await once(soak, 'close')
  expect(code, output).toBe(0)
  expect(Number(/^(\d+) signals in/m.exec(output)?.[1])).toBeGreaterThanOrEqual(kSignals)
  expect(output).toContain('all accounted for, nothing grew')
})
