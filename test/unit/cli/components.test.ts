import { expect, test } from 'vitest'
import { type ComponentEntry, table } from '../../../src/cli/components.js'
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

test('a component this machine cannot serve says why in its row', () => {
  const text = table([
    {
      kind: 'receiver',
      type: 'cgroup',
      stability: 'beta',
      description: '',
      capabilities: ['performance', 'system_wide'],
      unavailable: 'cgroup v1 is mounted',
    },
  ])
  expect(text.split('\n')[1]).toBe(
    'receiver  cgroup  beta       all      performance,system_wide  unavailable: cgroup v1 is mounted',
  )
})
