import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ProfileName, profileNames } from '../../src/exporters/prometheus/page.js'
import { runSpanId } from '../../src/lib/systemd/ids.js'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab, waitFor } from '../lab/lab.js'
import { freePort } from '../support/free-port.js'
import { type Prometheus, startPrometheus } from '../support/start-prometheus.js'
import { type Agent, running, scrape, startAgent, Workspace } from './agent.js'

// The whole program beside a real systemd, scraped by a real Prometheus under all three sets of names.

const units = {
  'crasher.service':
    '[Unit]\nStartLimitIntervalSec=60\nStartLimitBurst=4\n' +
    '[Service]\nExecStart=/bin/sh -c "sleep 0.1; exit 3"\nRestart=on-failure\nRestartSec=100ms\n',
  'steady.service': '[Service]\nExecStart=/bin/sleep infinity\n',
  'tick.service': '[Service]\nType=oneshot\nExecStart=/bin/true\n',
  'tick.timer': '[Timer]\nOnActiveSec=0\nAccuracySec=1ms\n',
}

describeLab('an agent that Prometheus scrapes', () => {
  let lab: Lab
  let agent: Agent
  let prometheus: Prometheus
  const workspace = new Workspace()
  const ports = {} as Record<ProfileName, number>

  beforeAll(async () => {
    lab = await bootLab()
    for (const [name, text] of Object.entries(units)) lab.writeUnit(name, text)
    await lab.daemonReload()
    for (const profile of profileNames) ports[profile] = await freePort()
    const exporters = Object.fromEntries(
      profileNames.map((name) => [`prometheus/${name}`, { endpoint: `127.0.0.1:${ports[name]}`, profiles: [name] }]),
    )
    const config = {
      receivers: {
        systemd: { address: lab.busAddress, collection_interval: '1s' },
        cgroup: { root: lab.cgroupRoot, collection_interval: '1s' },
        self_telemetry: { collection_interval: '1s' },
      },
      processors: { crash_loop: { healthy_time: '4s' }, batch: {} },
      exporters,
      service: {
        pipelines: {
          main: {
            receivers: ['systemd', 'cgroup', 'self_telemetry'],
            processors: ['crash_loop', 'batch'],
            exporters: Object.keys(exporters),
          },
        },
      },
    }
    agent = startAgent(['run', '--config', workspace.writeConfig(config)])
    await agent.logged(running)
    await waitFor('the first reading of the units', async () =>
      /systemd_unit_state/.test(await scrape(ports.unitscope)),
    )
    await lab.systemctl('start', 'steady.service', 'tick.timer')
    await lab.exec(['systemctl', 'start', 'crasher.service'], { allowFailure: true })
    await waitFor('the end of the crash loop on the page', async () =>
      /event="pattern.crash_loop.cleared"/.test(await scrape(ports.unitscope)),
    )
    prometheus = await startPrometheus(Object.values(ports).map((port) => `127.0.0.1:${port}`))
  })
  afterAll(async () => {
    await prometheus?.stop()
    await agent?.stop('SIGKILL')
    await lab?.close()
    workspace.remove()
  })

  for (const profile of profileNames)
    it(`the page of profile ${profile} pleases promtool`, async () => {
      const page = await scrape(ports[profile])
      expect(page).toContain('crasher.service')
      // Exit code 3 and a line per finding when it has something to say.
      expect(execFileSync('/usr/bin/promtool', ['check', 'metrics'], { input: page, encoding: 'utf8' })).toBe('')
    })

  it('all pages are scraped without a complaint', async () => {
    const data = await prometheus.until('/api/v1/targets', (answer) => {
      const { activeTargets = [] } = (answer ?? {}) as { activeTargets?: readonly { health: string }[] }
      return activeTargets.length === 3 && activeTargets.every(({ health }) => health === 'up')
    })
    expect(JSON.stringify(data)).not.toMatch(/"lastError":"[^"]/)
  })

  describe('what existing alerts and dashboards ask is answered', () => {
    const cases: readonly [what: string, query: string][] = [
      ['a unit has failed', 'node_systemd_unit_state{state="failed",name="crasher.service"} == 1'],
      ['nothing else has', 'count(node_systemd_unit_state{state="failed"} == 1) == 1'],
      ['how many have', 'node_systemd_units{state="failed"} == 1'],
      ['it has one state at a time', 'sum by (name) (node_systemd_unit_state{name="crasher.service"}) == 1'],
      ['a service restarts often', 'node_systemd_service_restart_total{name="crasher.service"} >= 3'],
      ['how long it is up', 'time() - node_systemd_unit_start_time_seconds{name="steady.service"} < 3600'],
      ['when a timer last fired', 'time() - node_systemd_timer_last_trigger_seconds{name="tick.timer"} < 3600'],
      ['a unit is up', 'systemd_unit_state{name="steady.service",type="service",state="active"} == 1'],
      ['a timer is loaded', 'count(systemd_unit_state{name="tick.timer",type="timer"}) == 5'],
      ['how long it is up, by type', 'systemd_unit_start_time_seconds{name="steady.service",type="service"} > 1.6e9'],
      ['a service restarts often', 'systemd_service_restart_total{name="crasher.service"} >= 3'],
      ['crash loops', 'unitscope_events_total{event="pattern.crash_loop.detected",unit="crasher.service"} == 1'],
      ['a loop that is over', 'max(systemd_unit_pattern{pattern_name="crash_loop",unit="crasher.service"}) == 0'],
      ['the agent and its host are one entity', 'count(target_info{unit=""}) == 1'],
      [
        'what else is known of a unit',
        'systemd_unit_cpu_time_seconds_total{unit="steady.service",cpu_mode="user"}' +
          ' * on (unit, instance) group_left (service_name) target_info{unit!=""}',
      ],
      ['CPU by unit', 'systemd_unit_cpu_time_seconds_total{unit="steady.service",cpu_mode="user"} >= 0'],
    ]
    it.each(cases)('%s: %s', async (_, query) => {
      const path = `/api/v1/query?query=${encodeURIComponent(query)}`
      const data = await prometheus.until(path, (answer) => resultsOf(answer).length > 0)
      expect(resultsOf(data)).toHaveLength(1)
    })
  })

  it('the exemplar of the last failure is the run that systemd and the journal know', async () => {
    const { InvocationID: lastRun } = await lab.show('crasher.service', 'InvocationID')
    for (const series of [
      'systemd_unit_failures_total{unit="crasher.service"}',
      'unitscope_events_total{event="systemd.unit.failed",unit="crasher.service"}',
    ]) {
      const query = encodeURIComponent(series)
      const path = `/api/v1/query_exemplars?query=${query}&start=0&end=9999999999`
      const data = await prometheus.until(path, (answer) => Array.isArray(answer) && answer.length > 0)
      const [{ exemplars }] = data as [{ exemplars: readonly { labels: Record<string, string> }[] }]
      expect(exemplars.at(-1)!.labels, series).toEqual({ trace_id: lastRun, span_id: runSpanId(lastRun!) })
    }
    const starts = await lab.journal('MESSAGE_ID=39f53479d3a045ac8e11786248231fbf', 'UNIT=crasher.service')
    expect(starts.at(-1)!['INVOCATION_ID']).toBe(lastRun)
  })

  it('stops in order, and its account balances', async () => {
    expect(await agent.stop()).toMatchObject({ code: 0, signal: null })
    expect(agent.totals().dropped).toEqual({})
  })
})

function resultsOf(answer: unknown): readonly unknown[] {
  return (answer as { result?: readonly unknown[] } | undefined)?.result ?? []
}
