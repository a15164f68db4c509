import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { registrations } from '../../../src/registry.js'
import { allSpoken, src } from './spoken.js'

// A metric that a page names is one that a person types into Prometheus: it must be a name that the agent really serves.

const root = resolve(src, '..')
const pages = ['README.md', 'src', 'docs', 'native', 'test', 'bench'].flatMap((place) =>
  place.endsWith('.md')
    ? [place]
    : readdirSync(join(root, place), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.md') && !file.includes('node_modules'))
        .map((file) => join(place, file)),
)

/** What follows the prefix of every component; see readings.ts. */
const common = ['events_processed_total', 'events_produced_total', 'events_dropped_total', 'errors_total']
const histogram = ['_ms', '_seconds', '_seconds_bucket', '_seconds_count', '_seconds_sum']

const spoken = allSpoken()

const real: ReadonlySet<string> = new Set([
  'unitscope_events_total',
  'unitscope_log_lines_lost_total',
  'unitscope_config_reloads_total',
  'unitscope_config_reloads_failed_total',
  // Labels.
  'unitscope_component',
  'unitscope_pipeline',
  ...registrations.flatMap(({ kind, type }) => {
    const own = spoken
      // Libraries count for the components that use them.
      .filter(({ file }) => file.startsWith(`${kind}s/${type}/`) || file.startsWith('lib/'))
      .flatMap(({ method, word }) => {
        if (method === 'counter') return [`${word}_total`]
        return method === 'gauge' ? [word, `${word}_bytes`] : []
      })
    const names = [...common, 'collector_healthy', ...histogram.map((end) => `processing_duration${end}`), ...own]
    return [...names, kind === 'exporter' ? 'items_in_total' : 'items_out_total'].map(
      (name) => `unitscope_${kind}_${type}_${name}`,
    )
  }),
])

/** Programs of the C++ build, which pages for developers name. */
const programs = new Set(
  [...readFileSync(join(root, 'binding.gyp'), 'utf8').matchAll(/"target_name": "(\w+)"/g)].map(([, name]) => name),
)

// What ends in dots, or is a file, is no whole name.
const named = pages.flatMap((page) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/\bunitscope_((?:[a-z0-9_*]|<\w+>)+)(\.\.\.|\.node)?/g)]
    .filter(([name, , tail]) => tail === undefined && !programs.has(name))
    .map(([name]) => [page, name] as const),
)

test('the pages name some', () => {
  expect(named.length).toBeGreaterThan(8)
})

test.each(named)('%s: %s is served', (_, name) => {
  const pattern = new RegExp(`^${name.replace(/\*|<\w+>/g, '[a-z0-9_]+')}$`)
  expect([...real].some((one) => pattern.test(one))).toBe(true)
})
