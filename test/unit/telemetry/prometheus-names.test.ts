import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { unitscopeProfile } from '../../../src/exporters/prometheus/unitscope-profile.js'
import type { MetricHead } from '../../../src/lib/openmetrics/spelling.js'
import { metric } from '../../../src/lib/systemd/names.js'
import { src } from './spoken.js'

// The table of the page: every metric of the systemd and cgroup receivers, and what it is called in Prometheus.
// UPDATE_GOLDEN=1 writes it anew.

const page = resolve(src, '../docs/telemetry.md')

/**
 * How the sources make their metrics: `total([names.x, 'unit'`, `gauge(metric.x, 'unit'`, `name: metric.x,\n unit: '1'`; in tables of
 * gauges `metric.x, 'unit'`, and `figure('Property', metric.x, 'unit', 'text'` with `, false` where it is no counter.
 */
const gauges = ['gauge', 'amount', 'ratio']
const makers = [
  'receivers/cgroup/sample-metrics.ts',
  'receivers/cgroup/slice-limits.ts',
  'lib/systemd/state-metrics.ts',
  'lib/systemd/detail-metrics.ts',
  'lib/systemd/folded-states.ts',
  'lib/systemd/manager-metrics.ts',
  'lib/systemd/polled-units.ts',
  'receivers/systemd/systemd-receiver.ts',
]
  .map((file) => readFileSync(join(src, file), 'utf8'))
  .join('\n')

function headOf(key: string, name: string): MetricHead {
  const called = new RegExp(
    `(upDownCounts|counts?|total|${gauges.join('|')})\\(\\s*\\[?\\s*(?:names|metric)\\.${key},\\s*'([^']*)'`,
  ).exec(makers)
  const written = new RegExp(`type: '(\\w+)',[^}]*?name: metric\\.${key},\\s*unit: '([^']*)'`).exec(makers)
  const figure = new RegExp(`figure\\('\\w+', metric\\.${key}, '([^']*)', '[^']*'(, false)?\\)`).exec(makers)
  if (figure !== null) return headFor(name, figure[1]!, figure[2] === undefined ? 'counts' : 'gauge', true)
  const listed = new RegExp(`\\[(?:'\\w+', )?metric\\.${key}, '([^']*)', '`).exec(makers)
  if (called === null && listed !== null) return headFor(name, listed[1]!, 'gauge', true)
  const [, how, unit] = called ?? written ?? []
  if (how === undefined) throw new Error(`nobody makes ${name}`)
  return headFor(name, unit!, how, called !== null && how !== 'upDownCounts')
}

/** What is written out as a sum goes up and down (systemd.unit.state). */
function headFor(name: string, unit: string, how: string, monotonic: boolean): MetricHead {
  const isSum = !gauges.includes(how)
  return { name, unit, type: monotonic && isSum ? 'counter' : 'gauge', isSum, description: '' }
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
