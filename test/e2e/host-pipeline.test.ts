import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { attr } from '../../src/lib/systemd/names.js'
import { describeLab } from '../lab/describe-lab.js'
import { type Lab, packageRoot, waitFor, withLab } from '../lab/lab.js'
import { type OtlpSink, startOtlpSink } from '../support/otlp-sink/otlp-sink.js'
import { agentMain } from './agent.js'

// The agent as it is installed: its own unit file, pipelines/host.yaml to the letter, both supervised by a real systemd. An
// OTLP server and Prometheus' page are what an operator sees of it.

/** The unit as it ships, with the places of this checkout. */
const unit = readFileSync(join(packageRoot, 'docker/unitscope.service'), 'utf8')
  .replace('/usr/bin/node', process.execPath)
  .replace('/opt/unitscope/dist/main.js', agentMain)
  .replace('/etc/unitscope.yaml', '/run/host.yaml')
  .replace('User=unitscope', 'User=root')

const dropIn = `[Service]
Environment=OTEL_EXPORTER_OTLP_ENDPOINT=unix:/run/otlp.sock
LimitCORE=0
ProtectHome=no
`

/** Crashes three times in a second, for ever. */
const looping = `[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/sh -c "sleep 0.1; exit 3"
Restart=always
RestartSec=200ms
`
const kName = 'loop.service'

interface Told {
  readonly name: string
  readonly attributes: Readonly<Record<string, unknown>>
}

/** Events about the unit, in the order of their arrival. */
function told(sink: OtlpSink): readonly Told[] {
  return sink
    .logRecords()
    .map(({ record }) => ({
      name: record.event_name,
      attributes: Object.fromEntries(
        record.attributes.map(({ key, value }: { key: string; value: object }) => [key, Object.values(value)[0]]),
      ),
    }))
    .filter(({ attributes }) => attributes[attr.unit] === kName)
}

const count = (sink: OtlpSink, name: string): number => told(sink).filter((one) => one.name === name).length

async function page(lab: Lab): Promise<string> {
  const { stdout } = await lab.exec(['curl', '-s', 'http://127.0.0.1:9464/metrics'], { allowFailure: true })
  return stdout
}

/** `unitscope incidents`, as its user types it: `kind unit`. */
async function whatIsBroken(lab: Lab): Promise<readonly string[]> {
  return (await incidents(lab)).map(({ kind, unit }) => `${kind} ${unit}`)
}

async function incidents(lab: Lab): Promise<readonly { kind: string; unit: string; log?: readonly string[] }[]> {
  const { stdout } = await lab.exec([process.execPath, agentMain, 'incidents', '--json'], { allowFailure: true })
  return JSON.parse(stdout).concerns
}

const openLoop = /^systemd_unit_pattern\{[^}]*pattern_name="crash_loop"[^}]*\} 1$/m

describeLab('pipelines/host.yaml', () => {
  const story =
    'tells a server and Prometheus of a crash loop and its incident, and of neither again when it is restarted'
  it(story, { timeout: 180_000 }, () =>
    withLab(async (lab) => {
      const sink = await startOtlpSink({ address: `unix:${lab.root}/run/otlp.sock` })
      try {
        lab.writeFile('/run/host.yaml', readFileSync(join(packageRoot, 'pipelines/host.yaml'), 'utf8'))
        lab.writeUnit('unitscope.service', unit)
        lab.writeFile('/run/systemd/system/unitscope.service.d/test.conf', dropIn)
        lab.writeUnit(kName, looping)
        for (const name of ['before.service', 'dead.service'])
          lab.writeUnit(name, '[Service]\nExecStart=/bin/sh -c "echo no such table; exit 1"\n')
        await lab.daemonReload()
        await lab.systemctl('start', 'before.service')
        await waitFor(
          'a failure that no agent sees',
          async () => (await lab.show('before.service', 'ActiveState'))['ActiveState'] === 'failed',
        )
        await lab.systemctl('start', 'unitscope.service')
        await waitFor('the first reading of the units', () =>
          sink.metrics().some(({ record }) => record.name === 'systemd.unit.state'),
        )

        await lab.systemctl('start', '--no-block', kName, 'dead.service')
        await waitFor('loop and incident at the server', () =>
          ['pattern.crash_loop.detected', 'incident.opened'].every((name) => count(sink, name) > 0),
        )
        await waitFor("both on Prometheus' page", async () => {
          const text = await page(lab)
          return openLoop.test(text) && /^systemd_incident_units\{[^}]*loop\.service[^}]*\} 1$/m.test(text)
        })

        const broken = ['incident loop.service', 'pattern loop.service', 'failed_unit before.service']
        await waitFor('the incident of a unit that stays down', async () =>
          (await whatIsBroken(lab)).includes('incident dead.service'),
        )
        const seen = await whatIsBroken(lab)
        expect([...new Set(seen)].sort()).toEqual([...broken, 'incident dead.service'].sort())
        for (const name of ['before.service', 'dead.service'])
          await waitFor(`what ${name} wrote last`, async () =>
            (await incidents(lab)).some(({ unit, log }) => unit === name && log?.at(-1) === 'no such table'),
          )
        // Nothing refers to it, so systemd unloads it, and that is all it says.
        await lab.systemctl('reset-failed', 'dead.service')
        await waitFor('the end of that', async () => !(await whatIsBroken(lab)).includes('incident dead.service'))

        await lab.systemctl('restart', 'unitscope.service')
        const restarts = count(sink, 'systemd.unit.restarted')
        await waitFor('news of six more crashes', () => count(sink, 'systemd.unit.restarted') >= restarts + 6)
        await waitFor('the open loop on the page of the second agent', async () => openLoop.test(await page(lab)))

        expect(await whatIsBroken(lab)).toEqual(expect.arrayContaining(broken))

        await lab.systemctl('stop', kName)
        await waitFor('the end of the incident', () => count(sink, 'incident.resolved') > 0, { timeoutMs: 60_000 })
        expect(await whatIsBroken(lab)).not.toContain('incident loop.service')
        await lab.systemctl('stop', 'unitscope.service')

        for (const name of ['pattern.crash_loop.detected', 'incident.opened', 'incident.resolved'])
          expect(count(sink, name), name).toBe(1)
        const findings = told(sink).filter(({ name }) => /^(pattern|incident)\./.test(name))
        const texts = findings.map(({ name, attributes }) =>
          [
            name,
            attributes['pattern.kind'],
            attributes['pattern.crash_loop.count'],
            attributes['incident.failures'],
          ].join(),
        )
        expect(new Set(texts).size, texts.join('\n')).toBe(texts.length)
        const incidentOf = (name: string) => told(sink).find((one) => one.name === name)?.attributes[attr.incidentId]
        expect(incidentOf('incident.opened')).toMatch(/^[0-9a-f]{32}$/)
        expect(incidentOf('pattern.crash_loop.detected')).toBe(incidentOf('incident.opened'))
        // All was well with the agent itself.
        expect(await lab.show('unitscope.service', 'Result', 'NRestarts')).toEqual({
          Result: 'success',
          NRestarts: '0',
        })
        const log = (await lab.journal('--unit=unitscope.service')).map(({ MESSAGE = '' }) => MESSAGE)
        // A lab of namespaces may lack controllers, of which the cgroup receiver complains.
        const complaints = log.filter(
          (line) => /"level":"(warn|error)"/.test(line) && !line.includes('receiver/cgroup'),
        )
        expect(complaints).toEqual([])
      } finally {
        sink.close()
      }
    }),
  )
})
