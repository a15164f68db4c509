import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.js'
import { formatProblem } from '../../../src/errors.js'
import { registrations } from '../../../src/registry.js'

// Root may do everything, so this file's process becomes nobody, for good.

const kNobody = 65_534

const folder = mkdtempSync(join(tmpdir(), 'unitscope-as-user-'))
const ofRoot = process.geteuid?.() === 0
const token = join(folder, 'token')
const state = join(folder, 'state')
writeFileSync(token, 'sk-0123456789\n', { mode: 0o600 })
mkdirSync(state, { mode: 0o700 })
afterAll(() => rmSync(folder, { recursive: true }))
if (ofRoot) {
  chownSync(folder, kNobody, kNobody)
  process.setgroups?.([])
  process.setgid?.(kNobody)
  process.setuid?.(kNobody)
} else {
  chmodSync(token, 0)
  chmodSync(state, 0o500)
}

async function warned(exporter: string, service: string): Promise<readonly string[]> {
  const { warnings } = await loadConfig(config(exporter, service), registrations, {})
  return warnings.filter(({ code }) => code === 'CFG_ENVIRONMENT').map(formatProblem)
}

function config(exporter: string, service: string): string {
  const path = join(folder, 'agent.yaml')
  writeFileSync(
    path,
    `receivers: { systemd: }\nexporters: { otlp: { endpoint: "127.0.0.1:4317"${exporter} } }\n` +
      `service: { ${service} pipelines: { logs: { receivers: [systemd], exporters: [otlp] } } }\n`,
  )
  return path
}

const uid = ofRoot ? kNobody : process.geteuid?.()

test('a folder for state that this user may not write', async () => {
  expect(await warned('', `state_directory: "${state}",`)).toEqual([
    expect.stringContaining(`nothing would be kept here: ${state} may not be written by this user (uid ${uid})`),
  ])
})

test('a secret that this user may not read', async () => {
  expect(await warned(`, bearer_token_file: "${token}"`, '')).toEqual([
    expect.stringContaining(`run would not start here: ${token} may not be read by this user (uid ${uid})`),
  ])
})
