import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import type { MetricHead } from '../../../src/exporters/prometheus/series-table.js'
import { unitscopeProfile } from '../../../src/exporters/prometheus/unitscope-profile.js'
import { metric } from '../../../src/lib/systemd/names.js'
import { src } from './spoken.js'

// The table of the page: every metric of the systemd and cgroup receivers, and what it is called in Prometheus.
// UPDATE_GOLDEN=1 writes it anew.

const page = resolve(src, '../docs/telemetry.md')

/** How the sources make their metrics: `total([names.x, 'unit'`, `gauge(metric.x, 'unit'`, `name: metric.x,\n unit: '1'`. */
const gauges = ['gauge', 'amount', 'ratio']
const makers = [
  'receivers/cgroup/sample-metrics.ts',
  'lib/systemd/state-metrics.ts',
  'receivers/systemd/systemd-receiver.ts',
]
  .map((file) => readFileSync(join(src, file), 'utf8'))
  .join('\n')

function headOf(key: string, name: string): MetricHead {
  const called = new RegExp(
    `(counts?|total|${gauges.join('|')})\\(\\s*\\[?\\s*(?:names|metric)\\.${key},\\s*'([^']*)'`,
  ).exec(makers)
  const written = new RegExp(`type: '(\\w+)',[^}]*?name: metric\\.${key},\\s*unit: '([^']*)'`).exec(makers)
  const [, how, unit] = called ?? written ?? []
  if (how === undefined) throw new Error(`nobody makes ${name}`)
  // What is written out as a sum goes up and down (systemd.unit.state).
  const isSum = !gauges.includes(how)
  return { name, unit: unit!, type: called !== null && isSum ? 'counter' : 'gauge', isSum, description: '' }
}

function servedAs(head: MetricHead): string {
  const { name, type } = unitscopeProfile.spell(head)!.family
  return type === 'counter' ? `${name}_total` : name
}

const rows = Object.entries(metric).map(([key, name]) => `| \`${name}\` | \`${servedAs(headOf(key, name))}\` |`)

test('every metric of the receivers stands on the page, under both names', () => {
  const head = '| in OTLP | in Prometheus |\n| --- | --- |\n'
  const text = readFileSync(page, 'utf8')
  const from = text.indexOf(head)
  expect(from).toBeGreaterThan(0)
  const end = text.indexOf('\n\n', from)
  if (process.env['UPDATE_GOLDEN'] === '1')
    writeFileSync(page, `${text.slice(0, from)}${head}${rows.join('\n')}${text.slice(end)}`)
  expect(readFileSync(page, 'utf8')).toContain(`${head}${rows.join('\n')}\n\n`)
  expect(rows).toContain('| `systemd.source.up` | `systemd_source_up_ratio` |')
})
