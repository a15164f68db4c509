import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseComponentId } from '../../../src/component/id.js'
import { filesystem } from '../../../src/lib/systemd/names.js'
import { undecidedReasons } from '../../../src/lib/systemd/oom-losses.js'
import { ComponentCounters } from '../../../src/telemetry/component-counters.js'
import { readingsOf } from '../../../src/telemetry/readings.js'
import { allSpoken, src } from './spoken.js'

// docs/telemetry.md says everything the agent counts and logs, and nothing it does not.

const page = readFileSync(resolve(src, '../docs/telemetry.md'), 'utf8')
const spoken = allSpoken()

/** Words that are made at run time, and what the page says in their place. */
const varying: Readonly<Record<string, readonly string[]>> = {
  "lib/delivery/account.ts ?? reason.split(':')[0] ?? 'error'": ['UNAVAILABLE'],
  'lib/delivery/delivery.ts ?? reason': ['queue_full', 'damaged', 'disk_failed'],
  'lib/delivery/delivery.ts ?? code.toLowerCase()': ['enospc'],
  'exporters/file/file.ts ?? code.toLowerCase()': ['enospc'],
  'receivers/cgroup/pressure-events.ts ?? kTooMany': ['more pressure triggers than can be watched: narrow their units'],
  'receivers/journald/journald-receiver.ts ?? reason': ['bad_length'],
  'receivers/replay/signal-counters.ts ?? reason': ['header_version'],
  'receivers/systemd/source-counters.ts ?? reason': ['header_version'],
  'receivers/systemd/source-counters.ts ?? why': undecidedReasons,
}

/** The words of the sources for some methods, as patterns, with where they stand. */
function inCode(methods: readonly string[]): readonly { readonly word: string; readonly where: string }[] {
  return spoken
    .filter(({ method }) => methods.includes(method))
    .flatMap(({ file, method, word }) => {
      const known = word.startsWith('?? ') ? varying[`${file} ${word}`] : [word]
      if (known === undefined) throw new Error(`${file}: ${method}(${word}): name here what it can be`)
      return known.map((one) => ({ word: one, where: `${file}: ${method}` }))
    })
}

/** The code-quoted words in one column of the tables of a section. */
function onPage(heading: string, column: number): readonly string[] {
  const from = page.indexOf(`\n## ${heading}\n`)
  if (from < 0) throw new Error(`the page has no section "${heading}"`)
  const end = page.indexOf('\n## ', from + 1)
  const rows = page
    .slice(from, end < 0 ? undefined : end)
    .split('\n')
    .filter((line) => line.startsWith('|'))
  return rows.slice(2).flatMap((row) => [...row.split(' | ')[column]!.matchAll(/`([^`]+)`/g)].map(([, word]) => word!))
}

function check(code: readonly { readonly word: string; readonly where: string }[], words: readonly string[]): void {
  expect(code.length).toBeGreaterThan(5)
  const patterns = code.map(({ word }) => pattern(word))
  const missing = code.filter((_, at) => !words.some((word) => patterns[at]!.test(word)))
  expect(missing, 'not on the page').toEqual([])
  expect(
    words.filter((word) => !patterns.some((one) => one.test(word))),
    'only on the page',
  ).toEqual([])
}

function pattern(word: string): RegExp {
  return new RegExp(`^${word.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.+')}$`)
}

describe('every word of the code stands on the page, and none besides:', () => {
  test('counters and gauges of single components', () => {
    check(inCode(['counter', 'gauge', 'crossing']), onPage('Metrics of single components', 1))
  })

  test('reasons of drops', () => {
    check([...inCode(['dropped']), { word: 'other', where: 'telemetry/component-counters.ts' }], onPage('Drops', 0))
  })

  test('reasons of errors', () => {
    check(inCode(['errors']), onPage('Errors', 0))
  })

  test.each(['error', 'warn', 'info'])('log lines of level %s', (level) => {
    const start = page.indexOf('\n## Log lines\n')
    const rows = page
      .slice(start)
      .split('\n')
      .filter((line) => line.startsWith(`| ${level} | `))
    const words = rows.flatMap((row) => [...row.split(' | ')[1]!.matchAll(/`([^`]+)`/g)].map(([, word]) => word!))
    const own = level === 'error' ? [{ word: 'lines of this log were lost', where: 'telemetry/logger.ts' }] : []
    check([...inCode([level]), ...own], words)
  })

  test('metrics that every component has', () => {
    const counters = new ComponentCounters(parseComponentId('exporter', 'x')!)
    counters.processed({ logs: 1 })
    counters.dropped({ logs: 1 }, 'r')
    counters.error('r')
    const names = readingsOf(counters).map(({ name }) => name.replace('unitscope_exporter_x', '...'))
    expect(onPage('Metrics of every component', 0).toSorted()).toEqual(
      [...names, '..._processing_duration_ms'].toSorted(),
    )
  })

  test('metrics of the process', () => {
    const source = readFileSync(join(src, 'receivers/self_telemetry/process-metrics.ts'), 'utf8')
    const names = [...source.matchAll(/'((?:process|v8js|nodejs)\.[a-z0-9_.]+)'/g)].map(([, name]) => name!)
    const own = readFileSync(join(src, 'telemetry/self-telemetry.ts'), 'utf8')
    const agent = [...own.matchAll(/'(unitscope_\w+_total)'/g)].map(([, name]) => name!)
    expect(agent).toHaveLength(3)
    expect(onPage('Metrics of the process', 0).toSorted()).toEqual([...names, filesystem.usage, ...agent].toSorted())
  })
})
