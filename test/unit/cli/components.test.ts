import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type ComponentEntry, entryOf, table } from '../../../src/cli/components.js'
import { factory } from '../../../src/receivers/systemd/factory.js'
import { registrations } from '../../../src/registry.js'
import { runCli } from './support.js'

test('the list names every registered component with its stability', async () => {
  const { exit, stdout } = await runCli(['components'])
  expect(exit).toBe(0)
  const lines = stdout.trimEnd().split('\n')
  expect(lines[0]).toMatch(/^KIND +TYPE +STABILITY +SIGNALS +SEES +HERE$/)
  expect(lines.slice(1).map((line) => line.split(/ +/).slice(0, 2))).toEqual(
    registrations.map(({ kind, type }) => [kind, type]),
  )
})

test('--json is for scripts: the same components, with what exporters take', async () => {
  const { stdout } = await runCli(['components', '--json'])
  const entries = JSON.parse(stdout) as ComponentEntry[]
  expect(entries).toHaveLength(registrations.length)
  // Not only metrics: it counts events on its page.
  expect(entries.find((entry) => entry.type === 'prometheus')!.signals).toEqual(['logs', 'metrics'])
  for (const entry of entries) expect(entry.description).toMatch(/\.$/)
})

const cgroup: ComponentEntry = {
  kind: 'receiver',
  type: 'cgroup',
  stability: 'beta',
  description: '',
  capabilities: ['performance', 'system_wide'],
}

test.each([
  [{}, 'available'],
  [{ limited: 'no io controller here' }, 'limited: no io controller here'],
  [{ unavailable: 'cgroup v1 is mounted' }, 'unavailable: cgroup v1 is mounted'],
])('what this machine allows stands in the row: %j', (part, here) => {
  expect(table([{ ...cgroup, ...part }]).split('\n')[1]).toBe(
    `receiver  cgroup  beta       all      performance,system_wide  ${here}`,
  )
})

describe('the system bus', () => {
  let folder: string
  let server: Server
  const socket = () => join(folder, 'system_bus_socket')
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'unitscope-bus-'))
    server = createServer()
    await new Promise<void>((resolve) => server.listen(socket(), resolve))
  })
  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve))
    rmSync(folder, { recursive: true })
  })

  /** The system bus is where the environment says. */
  function systemdHere(address: string): Partial<ComponentEntry> {
    vi.stubEnv('DBUS_SYSTEM_BUS_ADDRESS', address)
    try {
      return entryOf(factory)
    } finally {
      vi.unstubAllEnvs()
    }
  }

  test('is missing: limited, with the path and what to do, and run is not stopped by it', () => {
    const { limited, unavailable } = systemdHere(`unix:path=${folder}/none`)
    expect(unavailable).toBeUndefined()
    expect(limited).toMatch(new RegExp(`^no system bus at ${folder}/none: start dbus .* goes on trying$`))
  })

  test('has a file or a folder in its place: limited', () => {
    expect(systemdHere(`unix:path=${folder}`).limited).toMatch(/^no system bus at/)
  })

  test('has a socket, in one of the places its address names: available', () => {
    expect(systemdHere(`unix:path=${folder}/none;unix:path=${socket()}`)).not.toHaveProperty('limited')
  })

  test('has an address nobody can connect to: limited, and why', () => {
    expect(systemdHere('tcp:host=127.0.0.1,port=1').limited).toContain('only unix sockets are connected to')
  })
})
