import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { AgentConfig } from '../../src/config/agent-config.js'
import { loadConfig } from '../../src/config/config.js'
import { ConfigError } from '../../src/errors.js'
import { registrations } from '../../src/registry.js'

// The pipelines that ship, against the components that ship: what a person copies must run as it stands.

const folder = fileURLToPath(new URL('../../pipelines/', import.meta.url))
const files = readdirSync(folder).sort()

/** What each needs from its surroundings, as its opening comment says; nothing else may be needed. */
const needs: Readonly<Record<string, Readonly<Record<string, string>>>> = { 'daemonset.yaml': { K8S_NODE_NAME: '42' } }

const load = (name: string, env: Readonly<Record<string, string>> = {}): Promise<AgentConfig> =>
  loadConfig(`${folder}${name}`, registrations, { ...needs[name], ...env })

test('those that are promised are there, and no file that is not tested', () => {
  expect(files).toEqual([
    'daemonset.yaml',
    'demo.yaml',
    'fleet-agent.yaml',
    'fleet-gateway.yaml',
    'gateway.yaml',
    'host.yaml',
    'logs.yaml',
    'replay.yaml',
    'sidecar.yaml',
  ])
})

test.each(files)('%s is valid, without a warning, with nothing set but what it asks for', async (name) => {
  expect((await load(name)).warnings).toEqual([])
})

test.each(files)('%s opens with what it is for and what it needs', (name) => {
  const comment = readFileSync(`${folder}${name}`, 'utf8').split(/^[^#]/m)[0]!
  expect(comment).toMatch(/^# \S/)
  expect(comment).toContain('# Needs ')
  const variables = readFileSync(`${folder}${name}`, 'utf8').matchAll(/\$\{env:([A-Z0-9_]+)/g)
  for (const [, variable] of variables) expect(comment).toMatch(new RegExp(`^#   ${variable} +\\w`, 'm'))
})

test('the demo runs on another bus, another cgroup tree and another port', async () => {
  const config = await load('demo.yaml', {
    UNITSCOPE_BUS_ADDRESS: 'unix:path=/run/lab/bus',
    UNITSCOPE_CGROUP_ROOT: '/run/lab/cgroup',
    UNITSCOPE_PROMETHEUS_ENDPOINT: '127.0.0.1:19464',
  })
  expect(config.receivers.get('systemd')!.config).toMatchObject({ address: 'unix:path=/run/lab/bus' })
  expect(config.receivers.get('cgroup')!.config).toMatchObject({ root: '/run/lab/cgroup' })
  expect(config.exporters.get('prometheus')!.config).toMatchObject({ endpoint: '127.0.0.1:19464' })
})

test('a recording can be named, and its pace', async () => {
  const env = { UNITSCOPE_RECORDING: '/var/tmp/crash.usrec', UNITSCOPE_SPEED: '10' }
  const { receivers } = await load('replay.yaml', env)
  expect(receivers.get('replay')!.config).toMatchObject({ file: '/var/tmp/crash.usrec', speed: 10 })
})

test('nothing that ships listens beyond this machine', async () => {
  for (const name of files) {
    const prometheus = (await load(name)).exporters.get('prometheus')
    if (prometheus !== undefined)
      expect(prometheus.config).toMatchObject({ endpoint: '127.0.0.1:9464', insecure_bind: false })
  }
})

test('a node whose name is a number keeps it as text, and one without a name is told which variable to set', async () => {
  const { processors } = await load('daemonset.yaml')
  expect(processors.get('attributes')!.config).toMatchObject({ actions: [{ key: 'k8s.node.name', value: '42' }] })
  const nameless = loadConfig(`${folder}daemonset.yaml`, registrations, {})
  await expect(nameless).rejects.toThrow(ConfigError)
  await expect(nameless).rejects.toThrow('the environment variable K8S_NODE_NAME is not set')
})

test('every component that ships is used by a pipeline that ships, but for these', async () => {
  const used = new Set<string>()
  for (const name of files) {
    const { receivers, processors, exporters, extensions } = await load(name)
    for (const { id } of [receivers, processors, exporters, extensions].flatMap((one) => [...one.values()]))
      used.add(`${id.kind} ${id.type}`)
  }
  const unused = registrations.map(({ kind, type }) => `${kind} ${type}`).filter((name) => !used.has(name))
  expect(unused.sort()).toEqual(['exporter file'])
})
