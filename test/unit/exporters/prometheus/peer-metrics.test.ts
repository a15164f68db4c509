import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { nodeExporterProfile, systemdExporterProfile } from '../../../../src/exporters/prometheus/compat-profiles.js'
import type { Profile } from '../../../../src/exporters/prometheus/profile.js'
import { metric } from '../../../../src/lib/systemd/names.js'

const page = readFileSync(new URL('../../../../docs/peer-metrics.md', import.meta.url), 'utf8')

// As their projects document them: node_exporter a7dcc3a, systemd_exporter 75ef6d4, Collector contrib 09ea2f4.
const nodeExporter = `unit_state units system_running service_restart_total unit_start_time_seconds unit_tasks_current
  unit_tasks_max timer_last_trigger_seconds socket_accepted_connections_total socket_current_connections
  socket_refused_connections_total version virtualization_info`
const systemdExporter = `unit_state unit_info unit_start_time_seconds unit_tasks_current unit_tasks_max
  unit_active_enter_time_seconds unit_active_exit_time_seconds unit_inactive_enter_time_seconds
  unit_inactive_exit_time_seconds service_restart_total service_ip_ingress_bytes service_ip_egress_bytes
  service_ip_ingress_packets_total service_ip_egress_packets_total socket_accepted_connections_total
  socket_current_connections socket_refused_connections_total timer_last_trigger_seconds boot_monotonic_seconds
  boot_time_seconds watchdog_enabled watchdog_last_ping_monotonic_seconds watchdog_last_ping_time_seconds
  watchdog_runtime_seconds`
const collector = ['systemd.unit.state', 'systemd.service.cpu.time', 'systemd.service.restarts']
const leftOut = ['systemd_resolved_*', 'systemd_exporter_build_info']

const words = (text: string, prefix: string): string[] => text.split(/\s+/).map((word) => prefix + word)

/** Rows of the page: their name, and ours. */
const rows = new Map(
  [...page.matchAll(/^\| `([^`]+)`[^|]*\| ([^|]*)\|/gm)].map(([, theirs, ours]) => [
    theirs!,
    /`([^`]+)`/.exec(ours!)?.[1],
  ]),
)

test('the page has every metric of theirs, and no other', () => {
  const theirs = [
    ...words(nodeExporter, 'node_systemd_'),
    ...words(systemdExporter, 'systemd_'),
    ...collector,
    ...leftOut,
  ]
  expect([...rows.keys()].sort()).toEqual([...new Set(theirs)].sort())
})

test('what it names as ours exists', () => {
  const known = new Set<string>(Object.values(metric))
  for (const [theirs, ours] of rows) if (!leftOut.includes(theirs)) expect(known, `${theirs}: ${ours}`).toContain(ours)
})

describe.each<[string, string[], Profile]>([
  ['node_exporter', words(nodeExporter, 'node_systemd_'), nodeExporterProfile],
  ['systemd_exporter', words(systemdExporter, 'systemd_'), systemdExporterProfile],
])('the profile %s', (_, names, profile) => {
  test.each(names)('serves %s as the page says', (theirs) => {
    // node_exporter and the Collector know one name together with systemd_exporter; the row says the same for both.
    const type = theirs.endsWith('_total') ? 'counter' : 'gauge'
    const spelled = profile.spell({ name: rows.get(theirs)!, type, isSum: false, unit: '', description: '' })
    expect(spelled?.family).toMatchObject({ name: theirs.replace(/_total$/, ''), type })
  })
})
