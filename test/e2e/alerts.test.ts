import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'

// The alerts that docs/telemetry.md offers, judged by Debian's promtool: that they can be loaded, and when they fire.

const page = readFileSync(new URL('../../docs/telemetry.md', import.meta.url), 'utf8')
const rules = /```yaml\n(groups:\n[\s\S]*?)```/.exec(page)![1]!

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'unitscope-alerts-'))
  writeFileSync(join(folder, 'rules.yaml'), rules)
})
afterAll(() => rmSync(folder, { recursive: true }))

function promtool(...argv: string[]): string {
  return execFileSync('/usr/bin/promtool', argv, { cwd: folder, encoding: 'utf8', stdio: 'pipe' })
}

test('promtool accepts the rules', () => {
  expect(promtool('check', 'rules', 'rules.yaml')).toContain('SUCCESS: 10 rules found')
})

test('each says whom to wake, and what Alertmanager is to hold back are some of them, told apart by labels that they have', () => {
  const all: { alert: string; labels: { severity: string } }[] = parse(rules).groups[0].rules
  for (const { alert, labels } of all) expect(['critical', 'warning', 'info'], alert).toContain(labels?.severity)
  const [inhibition] = parse(/```yaml\n(inhibit_rules:\n[\s\S]*?)```/.exec(page)![1]!).inhibit_rules
  const named = JSON.stringify(inhibition).match(/Unit\w+/g)!
  expect(all.map(({ alert }) => alert)).toEqual(expect.arrayContaining(named))
  expect(inhibition.equal).toEqual(['instance', 'unit', 'scope'])
})

const pattern = (name: string, kind: string): string =>
  `systemd_unit_pattern{pattern_name="${name}",pattern_kind="${kind}",unit="a.service",instance="n1"}`
const due =
  'systemd_unit_pattern_expected_time_seconds{pattern_name="prediction",pattern_kind="memory",unit="a.service",instance="n1"}'
const predicted = pattern('prediction', 'memory')
const state = 'systemd_unit_state{systemd_unit_active_state="failed",unit="a.service",instance="n1"}'
const inactive = 'systemd_unit_state{systemd_unit_active_state="inactive",unit="a.service",instance="n1"}'
const expected = (unit: string): string => `systemd_unit_expected{unit="${unit}",instance="n1"}`
const incident = 'systemd_incident_units{unit="a.service",instance="n1"}'
const up = 'systemd_source_up_ratio{instance="n1"}'
const drops = (reason: string): string =>
  `unitscope_exporter_otlp_events_dropped_total{unitscope_component="otlp",reason="${reason}",instance="n1"}`
const healthy = 'unitscope_receiver_systemd_collector_healthy{unitscope_component="systemd",instance="n1"}'

/** Series with a value a minute, the minute that is looked at, and whether the alert fires then. */
const cases: readonly [what: string, alert: string, series: Record<string, string>, minute: number, fires: boolean][] =
  [
    ['a failed unit', 'UnitFailed', { [state]: '0 1x5' }, 5, true],
    ['a unit that is up again at once', 'UnitFailed', { [state]: '0 1 0x5' }, 5, false],
    [
      'a service that was stopped',
      'UnitNotRunning',
      { [expected('a.service')]: '1x15', [inactive]: '0 1x14' },
      12,
      true,
    ],
    [
      'a service that is back',
      'UnitNotRunning',
      { [expected('a.service')]: '1x15', [inactive]: '1x5 0x10' },
      12,
      false,
    ],
    ['a oneshot', 'UnitNotRunning', { [expected('a.service')]: '0x15', [inactive]: '1x15' }, 12, false],
    ['another unit', 'UnitNotRunning', { [expected('b.service')]: '1x15', [inactive]: '1x15' }, 12, false],
    ['a unit of which nobody knows', 'UnitNotRunning', { [inactive]: '1x15' }, 12, false],
    ['an incident', 'UnitIncident', { [incident]: '_ 3x5' }, 4, true],
    ['an incident that is over', 'UnitIncident', { [incident]: '_ 3x5 0x3' }, 8, false],
    ['a crash loop, at once', 'UnitCrashLoop', { [pattern('crash_loop', 'rapid')]: '_ _ 1x5' }, 2, true],
    ['a crash loop that has ended', 'UnitCrashLoop', { [pattern('crash_loop', 'rapid')]: '1x3 0x5' }, 5, false],
    ['a second crash loop', 'UnitCrashLoop', { [pattern('crash_loop', 'rapid')]: '1 0 0 1x5' }, 5, true],
    [
      'a crash loop and a restart of the agent',
      'UnitCrashLoop',
      { [pattern('crash_loop', 'slow')]: '1x3 _ 1x9' },
      5,
      true,
    ],
    [
      'one loop that has become another',
      'UnitCrashLoop',
      { [pattern('crash_loop', 'rapid')]: '1x3 0x5', [pattern('crash_loop', 'start_limit')]: '_x3 1x6' },
      6,
      true,
    ],
    ['another pattern', 'UnitCrashLoop', { [pattern('anomaly', 'memory')]: '1x9' }, 5, false],
    ['a leak', 'UnitMemoryLeak', { [pattern('memory_leak', 'memory')]: '_ 1x9' }, 5, true],
    ['a leak that was mended', 'UnitMemoryLeak', { [pattern('memory_leak', 'memory')]: '1x3 0x9' }, 6, false],
    ['memory for three hours', 'UnitPrediction', { [predicted]: '1x9', [due]: '11000x9' }, 5, true],
    ['memory for five hours', 'UnitPrediction', { [predicted]: '1x9', [due]: '18000x9' }, 5, false],
    ['the same two hours later', 'UnitPrediction', { [predicted]: '1x130', [due]: '18000x130' }, 120, true],
    ['what is no longer expected', 'UnitPrediction', { [predicted]: '1x3 0x9', [due]: '11000x4' }, 6, false],
    ['what is unusual', 'UnitAnomaly', { [pattern('anomaly', 'memory')]: '_ 1x9' }, 5, true],
    ['what is usual again', 'UnitAnomaly', { [pattern('anomaly', 'memory')]: '1x3 0x9' }, 5, false],
    ['systemd is not heard', 'UnitscopeSourceDown', { [up]: '1 0x9' }, 5, true],
    ['a short outage', 'UnitscopeSourceDown', { [up]: '1 0 1x9' }, 5, false],
    ['the first drop', 'UnitscopeDrops', { [drops('queue_full')]: '_ _ 7x9' }, 5, true],
    ['a further drop', 'UnitscopeDrops', { [drops('queue_full')]: '7x15 9x5' }, 17, true],
    ['a drop long ago', 'UnitscopeDrops', { [drops('queue_full')]: '7x30' }, 25, false],
    ['what a filter drops', 'UnitscopeDrops', { [drops('filtered')]: '0+9x9' }, 5, false],
    ['an agent that has just started', 'UnitscopeUnhealthy', { [healthy]: '0 1x9' }, 3, false],
    ['a component in trouble', 'UnitscopeUnhealthy', { [healthy]: '1 0x9' }, 5, true],
  ]

test.each(cases)('%s: %s', (_, alert, series, minute, fires) => {
  const input = Object.entries(series).map(([name, values]) => ({ series: name, values }))
  // Labels are not what is asked here, so the question is how many fire.
  const expr = `count(ALERTS{alertname="${alert}",alertstate="firing"}) or vector(0)`
  const promql = [{ expr, eval_time: `${minute}m`, exp_samples: [{ labels: '{}', value: fires ? 1 : 0 }] }]
  const tests = [{ interval: '1m', input_series: input, promql_expr_test: promql }]
  // JSON is YAML.
  writeFileSync(
    join(folder, 'test.yaml'),
    JSON.stringify({ rule_files: ['rules.yaml'], evaluation_interval: '1m', tests }),
  )
  expect(promtool('test', 'rules', 'test.yaml')).toContain('SUCCESS')
})

test.each([
  ['memory', 'unit="a.service",', 'a.service on n1, memory: expected in 1h 0m 0s'],
  // It is no unit's.
  ['disk', '', 'n1, disk: expected in 1h 0m 0s'],
])('UnitPrediction of kind %s says whose and what', (kind, unit, summary) => {
  const labels = `{pattern_name="prediction",pattern_kind="${kind}",${unit}instance="n1"}`
  const exp_labels = {
    pattern_name: 'prediction',
    pattern_kind: kind,
    instance: 'n1',
    severity: 'warning',
    ...(unit === '' ? {} : { unit: 'a.service' }),
  }
  const tests = [
    {
      interval: '1m',
      input_series: [
        { series: `systemd_unit_pattern${labels}`, values: '1x9' },
        { series: `systemd_unit_pattern_expected_time_seconds${labels}`, values: '3900x9' },
      ],
      alert_rule_test: [
        { eval_time: '5m', alertname: 'UnitPrediction', exp_alerts: [{ exp_labels, exp_annotations: { summary } }] },
      ],
    },
  ]
  writeFileSync(
    join(folder, 'test.yaml'),
    JSON.stringify({ rule_files: ['rules.yaml'], evaluation_interval: '1m', tests }),
  )
  expect(promtool('test', 'rules', 'test.yaml')).toContain('SUCCESS')
})
