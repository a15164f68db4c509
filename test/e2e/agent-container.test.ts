import { readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeLab } from '../lab/describe-lab.js'
import { kHostFolders, type Lab, packageRoot, waitFor, withLab } from '../lab/lab.js'
import { attributesOf, type Decoded } from '../support/otlp-sink/decode.js'
import { type OtlpSink, startOtlpSink } from '../support/otlp-sink/otlp-sink.js'
import { type Agent, agentMain, type Exit, running, startProgram } from './agent.js'

const container = join(packageRoot, 'test/e2e/agent-container.sh')

interface Mounts {
  /** Where the folder of the lab's bus socket appears inside, and the cgroup tree of the lab, if it does. */
  readonly bus: string
  readonly cgroups?: string
}

/** Runs a pipeline as it ships in a container on the lab: other processes, mounts, user and network than systemd's. */
async function inContainer(
  pipeline: string,
  { bus, cgroups }: Mounts,
  env: Readonly<Record<string, string>>,
  body: (lab: Lab, agent: Agent, sink: OtlpSink) => Promise<void>,
): Promise<void> {
  await withLab(async (lab) => {
    const sink = await startOtlpSink()
    const binds = [
      ...kHostFolders.map((folder) => `${folder}:${folder}`),
      `/run/dbus:${bus}`,
      ...(cgroups === undefined ? [] : [`/sys/fs/cgroup:${cgroups}`]),
    ]
    // A container has its own environment, too.
    const variables = Object.entries({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://${sink.address}`, ...env })
    const environment = ['env', '-i', 'NO_COLOR=1', ...variables.map(([name, value]) => `${name}=${value}`)]
    const command = [
      ...environment,
      process.execPath,
      agentMain,
      'run',
      '--config',
      join(packageRoot, 'pipelines', pipeline),
    ]
    const agent = startProgram(container, [String(lab.pid1), ...binds, '--', ...command])
    try {
      lab.writeUnit('web.service', '[Service]\nExecStart=/bin/sleep infinity\n')
      lab.writeUnit('bad.service', "[Service]\nExecStart=/bin/sh -c 'exit 3'\n")
      lab.writeUnit('docker.service', '[Service]\nExecStart=/bin/sleep infinity\n')
      await lab.daemonReload()
      await body(lab, agent, sink)
    } catch (error) {
      throw new Error(`${(error as Error).message}\n--- the agent's log ---\n${agent.stderr.slice(-8192)}`, {
        cause: error,
      })
    } finally {
      await agent.stop('SIGKILL')
      sink.close()
    }
  })
}

/** PID 1 of the container, seen from here. */
function inside(agent: Agent): number {
  return Number(readFileSync(`/proc/${agent.pid}/task/${agent.pid}/children`, 'utf8'))
}

/** What `docker stop` sends, to whom it sends it. */
function stopContainer(agent: Agent): Promise<Exit> {
  process.kill(inside(agent), 'SIGTERM')
  return agent.exited
}

function expectConfined(agent: Agent, lab: Lab): void {
  const pid = inside(agent)
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  expect(status).toMatch(/^Uid:(\t65534){4}$/m)
  expect(status).toMatch(/^NSpid:\t\d+\t1$/m)
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
    expect(status).toMatch(new RegExp(`^${set}:\\t0+$`, 'm'))
  }
  for (const kind of ['pid', 'mnt', 'ipc', 'uts', 'cgroup']) {
    const own = readlinkSync(`/proc/${pid}/ns/${kind}`)
    expect([readlinkSync(`/proc/self/ns/${kind}`), readlinkSync(`/proc/${lab.pid1}/ns/${kind}`)]).not.toContain(own)
  }
}

const eventsOf = (sink: OtlpSink, unit: string): Decoded[] =>
  sink.logRecords().filter(({ record }) => attributesOf(record.attributes)['systemd.unit.name'] === unit)
const failuresOf = (sink: OtlpSink, unit: string): Decoded[] =>
  eventsOf(sink, unit).filter(({ record }) => record.event_name === 'systemd.unit.failed')
/** The first metrics come after the first reading of the units. */
const watched = (sink: OtlpSink) =>
  waitFor('the first reading', () => sink.metrics().some(({ record }) => record.name === 'systemd.source.up'))
const metricOf = (sink: OtlpSink, name: string, unit: string): Decoded | undefined =>
  sink
    .metrics()
    .find(
      ({ record, resource }) => record.name === name && attributesOf(resource.attributes)['systemd.unit.name'] === unit,
    )

describeLab('an agent in a container, as nobody, without a capability', () => {
  it('sidecar.yaml: with the folder of the bus socket alone it tells what happens to the unit it is asked about', () =>
    inContainer(
      'sidecar.yaml',
      { bus: '/run/dbus' },
      { UNITSCOPE_UNITS: 'bad.service', OTEL_SERVICE_NAMESPACE: 'shop' },
      async (lab, agent, sink) => {
        await agent.logged(running)
        expectConfined(agent, lab)
        await watched(sink)
        await lab.systemctl('start', 'web.service', 'bad.service')
        await waitFor('the failure', () => failuresOf(sink, 'bad.service').length === 1)
        const failed = failuresOf(sink, 'bad.service')[0]!
        expect(attributesOf(failed.record.attributes)).toMatchObject({ 'process.exit.code': 3n })
        expect(attributesOf(failed.resource.attributes)).toMatchObject({ 'service.namespace': 'shop' })
        await waitFor('its trace', () => sink.spans().some(({ record }) => record.name === 'bad.service run'))
        expect(eventsOf(sink, 'web.service')).toEqual([])

        // A bus that is started anew has another socket under the same name: the mounted folder shows it.
        await lab.stopBus()
        await agent.logged(/"component":"receiver\/systemd","reason":"[^"]*","message":"degraded"/)
        await lab.startBus()
        await agent.logged(/"message":"degraded"[\s\S]*"component":"receiver\/systemd","message":"ok"/)
        await lab.systemctl('start', 'bad.service')
        await waitFor('the next failure', () => failuresOf(sink, 'bad.service').length === 2)
        expect(await stopContainer(agent)).toMatchObject({ code: 0, signal: null })
      },
    ))

  it('daemonset.yaml: with the cgroup tree as well it measures the units of the node, and knows the runtimes', () =>
    inContainer(
      'daemonset.yaml',
      { bus: '/host/run/dbus', cgroups: '/host/sys/fs/cgroup' },
      { K8S_NODE_NAME: 'node-1' },
      async (lab, agent, sink) => {
        await agent.logged(running)
        expectConfined(agent, lab)
        await watched(sink)
        await lab.systemctl('start', 'docker.service', 'bad.service')
        await waitFor('the failure', () => failuresOf(sink, 'bad.service').length === 1)
        await waitFor('its CPU time', () => metricOf(sink, 'systemd.unit.cpu.time', 'docker.service'))
        const cpu = metricOf(sink, 'systemd.unit.cpu.time', 'docker.service')
        expect(attributesOf(cpu.resource.attributes)).toMatchObject({
          'k8s.node.name': 'node-1',
          'systemd.unit.container_runtime': 'docker',
        })
        expect(await stopContainer(agent)).toMatchObject({ code: 0, signal: null })
      },
    ))
})
