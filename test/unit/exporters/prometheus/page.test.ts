import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { Batch } from '../../../../src/data/batch.js'
import { batchOf } from '../../../../src/data/batch.js'
import type { Metric, NumberPoint, Sum } from '../../../../src/data/metric.js'
import type { Resource } from '../../../../src/data/resource.js'
import { type Piece, type ProfileName, profileNames, writePage } from '../../../../src/exporters/prometheus/page.js'
import { SeriesStore, type StoreView } from '../../../../src/exporters/prometheus/series-store.js'
import { type Format, openMetricsFormat, textFormat } from '../../../../src/lib/openmetrics/exposition.js'
import type { ShownMetric } from '../../../../src/lib/openmetrics/spelling.js'
import { atOnce } from '../../../../src/util/pausable.js'
import { failure, gauge, host, smallMachine, spanId, traceId, unitOf } from './fixture.js'

const t0 = 1_795_176_271_000_000_000n

for (const profile of profileNames)
  for (const format of [textFormat, openMetricsFormat]) {
    const name = `${profile}.${format.openMetrics ? 'openmetrics' : 'prom'}`
    test(`a small machine as ${name}`, () => {
      expectGolden(name, pageOf(smallMachine(t0), [profile], format).text)
    })
  }

test('several profiles share a page; names both know belong to the compatible one', () => {
  const { text } = pageOf(smallMachine(t0), ['unitscope', 'systemd_exporter'])
  expect(text.match(/^# TYPE systemd_unit_state /gm)).toHaveLength(1)
  expect(text).toContain('systemd_unit_state{name="crashy.service",type="service",state="failed"} 1')
  expect(text).toContain('systemd_unit_io_bytes_total{unit="crashy.service"')
})

for (const profile of ['node_exporter', 'systemd_exporter'] as const)
  test(`as in ${profile}, only services of the system manager have tasks: a sum counts nothing twice`, () => {
    const point = { attributes: {}, timeUnixNano: t0, value: 7 }
    const units = [
      unitOf('web.service'),
      unitOf('system.slice'),
      unitOf('session-1.scope'),
      unitOf('web.service', { 'systemd.scope': 'user' }),
    ]
    const metrics = units.flatMap((unit) => [
      gauge('systemd.unit.pids', '{process}', unit, [point]),
      gauge('systemd.unit.pids.limit', '{process}', unit, [point]),
    ])
    const { text } = pageOf(batchOf({ metrics }), [profile])
    const labels = linesOf(text).map((line) => /\{(name="[^"]*")/.exec(line)?.[1])
    expect(labels).toEqual(['name="web.service"', 'name="web.service"'])
  })

test('a family stands once, each series once', () => {
  const { text } = pageOf(smallMachine(t0), profileNames)
  const types = text.split('\n').filter((line) => line.startsWith('# TYPE'))
  expect(new Set(types).size).toBe(types.length)
  const series = linesOf(text).map((line) => line.replace(/ [^ ]+$/, ''))
  expect(new Set(series).size).toBe(series.length)
})

test('two attributes that become one label, and two resources that look the same, do not break a scrape', () => {
  const a = { key: 'a', attributes: { 'service.name': 'x' } }
  const b = { key: 'b', attributes: { 'service.name': 'x' } }
  const point = { attributes: { 'a.b': '1', a_b: '2' }, timeUnixNano: t0, value: 1 }
  const page = pageOf(batchOf({ metrics: [gauge('m', '1', a, [point]), gauge('m', '1', b, [point])] }), ['unitscope'])
  expect(page.duplicates).toBe(2) // m and target_info
  expect(page.text).toContain('m_ratio{service_name="x",a_b="1;2"} 1')
})

test('of two series that look the same the one that was heard of last is shown, whichever came first', () => {
  const [old, young] = ['a', 'b'].map((key) => ({ key, attributes: { 'service.name': 'x' } }))
  const at = (value: number, ms: number) => ({ attributes: {}, timeUnixNano: t0 + BigInt(ms), value })
  const store = new SeriesStore({ maxSeries: 10, expirationMs: 60_000 })
  store.addMetric(gauge('m', 'By', young!, [at(1, 0)]), 0)
  store.addMetric(gauge('m', 'By', old!, [at(2, 10)]), 10)
  store.addMetric(gauge('m', 'By', young!, [at(3, 20)]), 20)
  expect(shown(store)).toEqual(['m_bytes{service_name="x"} 3'])
})

describe('a large page', () => {
  const kUnits = 2000
  const large = (): SeriesStore => {
    const store = new SeriesStore({ maxSeries: 10_000, expirationMs: 60_000 })
    for (let n = 0; n < kUnits; n++) {
      const point = { attributes: {}, timeUnixNano: t0, value: n }
      store.addMetric(gauge('m', 'By', unitOf(`${n}.service`), [point]), 0)
      store.addEvent(failure(unitOf(`${n}.service`), t0), 0)
    }
    return store
  }

  test('is made in pieces from the first on: also what is looked at before there is a line', () => {
    const pieces = [...writePage(large(), new Set(['unitscope']), textFormat)]
    const firstLine = pieces.findIndex(isText)
    // Twins, entities, events: each of 2000, in pieces of 256.
    expect(firstLine).toBeGreaterThanOrEqual((3 * kUnits) / 256 - 3)
  })

  /** Pauses before the first line of a metric of `units` units with so many sets of attributes each. */
  const pauses = (units: number, sets: number, others: readonly Resource[] = []): number => {
    const store = new SeriesStore({ maxSeries: 20_000, expirationMs: 60_000 })
    for (const other of others)
      store.addMetric(gauge('n', 'By', other, [{ attributes: {}, timeUnixNano: t0, value: 1 }]), 0)
    const points = Array.from({ length: sets }, (_, n) => ({ attributes: { n }, timeUnixNano: t0, value: n }))
    for (let n = 0; n < units; n++) store.addMetric(gauge('m', 'By', unitOf(`${n}.service`), points), 0)
    return [...writePage(store, new Set(['unitscope']), textFormat)].findIndex(isText)
  }

  test('is made in pieces also where one unit has all the sets of attributes, none of which looks like another', () => {
    // Looked at in pieces of 256 for twins, and for labels that a resource may have.
    expect(pauses(1, 10_240) - pauses(1, 1)).toBeGreaterThanOrEqual(2 * 40)
  })

  test('is made in pieces also where one metric has all the series, and any may look like that of another unit', () => {
    const twin = { ...unitOf('0.service'), key: 'again' }
    // Rows in pieces of 1024; what they share is few.
    expect(pauses(100, 103, [twin]) - pauses(1, 1, [twin])).toBeGreaterThanOrEqual(10)
  })

  test('shows the series of one moment, each once, whatever comes and goes while it is made', () => {
    const store = large()
    const pages = writePage(store, new Set(['unitscope']), textFormat)
    let text = ''
    let twins = 0
    for (let step = pages.next(); step.done !== true; step = pages.next()) {
      text += step.value?.toString() ?? ''
      if (twins >= 20) continue
      // The agent of the next minute: other resources that look like those of before.
      const twin = { ...unitOf(`${twins}.service`), key: `again:${twins++}` }
      store.addMetric(gauge('m', 'By', twin, [{ attributes: {}, timeUnixNano: t0, value: -1 }]), 1)
    }
    const series = linesOf(text)
      .filter((line) => line.startsWith('m_bytes{'))
      .map((line) => line.replace(/ [^ ]+$/, ''))
    expect(series).toHaveLength(kUnits)
    expect(new Set(series).size).toBe(kUnits)
  })
})

test('the host and the agent on it are one entity, told by the resource that says more', () => {
  const agent = { key: 'agent', attributes: { ...host.attributes, 'service.version': '1.2.3' } }
  const point = { attributes: {}, timeUnixNano: t0, value: 1 }
  for (const resources of [
    [host, agent],
    [agent, host],
  ]) {
    const metrics = resources.map((resource, index) => gauge(`m${index}`, '1', resource, [point]))
    const page = pageOf(batchOf({ metrics }), ['unitscope'])
    const infos = page.text.match(/^target_info.*/gm)
    expect(infos).toHaveLength(1)
    expect(infos![0]).toContain('service_version="1.2.3"')
  }
})

test('two metrics that become one name do not break a scrape; what has no place is counted', () => {
  const point = { attributes: {}, timeUnixNano: t0, value: 1 }
  const page = pageOf(batchOf({ metrics: [gauge('a.b', 'By', host, [point]), gauge('a_b', 'By', host, [point])] }), [
    'unitscope',
  ])
  expect(page.text.match(/(?<=^# TYPE )\w+/gm)).toEqual(['a_b_bytes', 'target_info'])
  expect(page.duplicates).toBe(1)
})

describe('metrics that Prometheus spells alike', () => {
  const point = (attributes = {}, value = 1) => ({ attributes, timeUnixNano: t0, value })
  const counter = (name: string): Metric => ({
    ...(gauge(name, '', host, [point()]) as Metric & { type: 'gauge' }),
    type: 'sum',
    monotonic: true,
  })
  const histogram = (name: string, attributes = {}): Metric => ({
    type: 'histogram',
    name,
    unit: '',
    description: 'h',
    resource: host,
    points: [
      { attributes, startTimeUnixNano: 1n, timeUnixNano: t0, count: 1, sum: 2, bounds: [5], bucketCounts: [1, 0] },
    ],
  })
  const cases: readonly [string, readonly Metric[], readonly string[], number][] = [
    [
      'two gauges whose points differ share one family',
      [gauge('x.y', '', host, [point()]), gauge('x_y', '', host, [point({ k: 'v' })])],
      ['x_y 1', 'x_y{k="v"} 1'],
      0,
    ],
    [
      'a counter after the gauge of its name is left out and counted',
      [gauge('x.y', '', host, [point()]), counter('x.y'), gauge('x_y', '', host, [point({ k: 'v' })])],
      ['x_y 1', 'x_y{k="v"} 1'],
      1,
    ],
    [
      'a gauge h.count beside a histogram h',
      [histogram('h'), gauge('h.count', '', host, [point({}, 7)])],
      ['h_bucket{le="5.0"} 1', 'h_bucket{le="+Inf"} 1', 'h_count 1', 'h_sum 2'],
      1,
    ],
    [
      'a gauge that keeps one ending beside a counter that gets it',
      [counter('c'), gauge('c.total.count', '', host, [point({}, 7)])],
      ['c_total 1'],
      1,
    ],
    [
      'a histogram whose samples would be an earlier gauge',
      [gauge('h.count.total', '', host, [point({}, 7)]), histogram('h')],
      ['h_count 7'],
      4,
    ],
    [
      'an attribute called like the label of a bucket',
      [histogram('h', { le: '3' })],
      [
        'h_bucket{exported_le="3",le="5.0"} 1',
        'h_bucket{exported_le="3",le="+Inf"} 1',
        'h_count{exported_le="3"} 1',
        'h_sum{exported_le="3"} 2',
      ],
      0,
    ],
    ["a gauge named like the page's own family", [gauge('target.info', '', host, [point({}, 7)])], [], 1],
  ]
  for (const [name, metrics, wanted, left] of cases)
    for (const format of [textFormat, openMetricsFormat])
      test(`${name} (${format.openMetrics ? 'OpenMetrics' : 'text'})`, () => {
        const page = pageOf(batchOf({ metrics }), ['unitscope'], format)
        expect(linesOf(page.text).filter((line) => !line.startsWith('target_info{'))).toEqual(wanted)
        expect(page.duplicates).toBe(left)
      })
})

describe('label values', () => {
  const cases: readonly [string, string, string][] = [
    ['a quote', 'a"b.service', 'a\\"b.service'],
    ['a backslash', 'a\\x2db.service', 'a\\\\x2db.service'],
    ['a newline', 'a\nb.service', 'a\\nb.service'],
    ['markup', '<script>.service', '<script>.service'],
    ['invalid UTF-16', 'a\ud800b.service', 'a\ufffdb.service'],
  ]
  for (const [name, unit, wanted] of cases)
    test(`with ${name} are escaped`, () => {
      const batch = batchOf({
        metrics: [gauge('m', 'By', unitOf(unit), [{ attributes: {}, timeUnixNano: t0, value: 1 }])],
      })
      const { text } = pageOf(batch, ['unitscope'])
      expect(text).toContain(`m_bytes{unit="${wanted}"} 1\n`)
    })
})

test('exemplars keep to 128 characters: ids first, attributes only where they fit', () => {
  const attributes = { short: 'v', long: 'x'.repeat(100) }
  const exemplars = [{ timeUnixNano: t0, value: 1, traceId, spanId, attributes }]
  const point = { attributes: {}, timeUnixNano: t0, value: 1, exemplars }
  const metric = { ...gauge('c', '1', host, [point]), type: 'sum' as const, monotonic: true }
  const { text } = pageOf(batchOf({ metrics: [metric as never] }), ['unitscope'], openMetricsFormat)
  expect(text).toContain(`c_total 1 # {trace_id="${traceId}",span_id="${spanId}",short="v"} 1 1795176271.000\n`)
})

test('an exemplar is shown until there is a newer one, and not beside a count that began anew', () => {
  const exemplars = [{ timeUnixNano: t0, value: 3, traceId, spanId }]
  const counted = (value: number, part: object = {}) => {
    const points = [{ attributes: {}, timeUnixNano: t0, value, ...part }]
    return { ...gauge('c', '1', host, points), type: 'sum' as const, monotonic: true } as never
  }
  const shown = (...metrics: never[]) => pageOf(batchOf({ metrics }), ['unitscope'], openMetricsFormat).text
  expect(shown(counted(3, { exemplars }), counted(4))).toContain(`c_total 4 # {trace_id="${traceId}"`)
  expect(shown(counted(3, { exemplars }), counted(0))).toContain('c_total 0\n')
})

describe('the store', () => {
  const point = (value: number, time = t0) => ({ attributes: {}, timeUnixNano: time, value })

  test('keeps the newest point, also when batches overtake each other', () => {
    const store = new SeriesStore({ maxSeries: 10, expirationMs: 1000 })
    store.addMetric(gauge('m', 'By', host, [point(2, t0 + 1n)]), 0)
    store.addMetric(gauge('m', 'By', host, [point(1, t0)]), 1)
    expect(shown(store)).toEqual(['m_bytes 2'])
  })

  const steps: readonly [string, number, number, number][] = [
    // After a step of so many seconds a point comes each so many seconds; at most so many of them are held back.
    ['an hour back', 3600, 10, 0],
    ['an hour back, points in a rush', 3600, 0.5, 0],
    ['eight seconds back', 8, 10, 0],
    ['eight seconds back, points in a rush', 8, 0.5, 15],
  ]
  for (const [name, back, every, held] of steps)
    test(`the clock set ${name}: the page goes on`, () => {
      const store = new SeriesStore({ maxSeries: 10, expirationMs: 300_000 })
      store.addMetric(gauge('m', 'By', host, [point(1)]), 0)
      const values: number[] = []
      for (let n = 1; n <= 20; n++) {
        const time = t0 + BigInt((n * every - back) * 1e9)
        store.addMetric(gauge('m', 'By', host, [point(-n, time)]), n * every * 1000)
        values.push(Number(shown(store)[0]!.replace('m_bytes ', '')))
      }
      expect(values.filter((value) => value === 1)).toHaveLength(held)
      expect(values.slice(held)).toEqual(Array.from({ length: 20 - held }, (_, i) => -(held + 1 + i)))
    })

  test('forgets what is silent for the expiration time, not what is updated', () => {
    const store = new SeriesStore({ maxSeries: 10, expirationMs: 1000 })
    store.addMetric(gauge('old', 'By', host, [point(1)]), 0)
    store.addMetric(gauge('live', 'By', host, [point(1)]), 0)
    store.addMetric(gauge('live', 'By', host, [point(2, t0 + 1n)]), 500)
    atOnce(store.expire(999))
    expect(store.size).toBe(2)
    atOnce(store.expire(1000))
    expect(shown(store)).toEqual(['live_bytes 2'])
    expect(store.size).toBe(1)
  })

  test('counts what has no room, and has room again when something expired', () => {
    const store = new SeriesStore({ maxSeries: 2, expirationMs: 1000 })
    const unit = (n: number) => gauge('m', 'By', unitOf(`${n}.service`), [point(1)])
    expect([1, 2, 3, 1].map((n) => store.addMetric(unit(n), 0))).toEqual([0, 0, 1, 0])
    expect(store.addEvent(failure(host, t0), 0)).toBe(false)
    atOnce(store.expire(1000))
    expect(store.addMetric(unit(3), 1000)).toBe(0)
  })

  test('events that labels do not tell apart are one count: two scopes, or two tenants, of one service', () => {
    const store = new SeriesStore({ maxSeries: 1, expirationMs: 1000 })
    const [http, sql] = ['http', 'sql'].map((key) => ({ key, attributes: { 'service.name': 'shop' } }))
    const add = (resource = http!) => store.addEvent(failure(resource, t0), 0)
    expect([add(http), add(sql), add(http)]).toEqual([true, true, true])
    expect(shown(store)).toEqual(['unitscope_events_total{event="systemd.unit.failed",service_name="shop"} 3'])
    atOnce(store.expire(3_600_000))
    expect([store.size, add(sql)]).toEqual([0, true])
    expect(shown(store)).toEqual(['unitscope_events_total{event="systemd.unit.failed",service_name="shop"} 1'])
  })

  test('keeps an exemplar until a newer one comes', () => {
    const store = new SeriesStore({ maxSeries: 2, expirationMs: 1000 })
    const exemplars = [{ timeUnixNano: t0, value: 1, traceId }]
    const counter = (points: readonly NumberPoint[]) =>
      ({ ...gauge('m', 'By', host, points), type: 'sum', monotonic: true }) as Sum
    store.addMetric(counter([{ ...point(1), exemplars }]), 0)
    store.addMetric(counter([point(2, t0 + 1n)]), 1)
    expect(shown(store, openMetricsFormat)).toEqual([`m_bytes_total 2 # {trace_id="${traceId}"} 1 1795176271.000`])
  })
})

function pageOf(batch: Batch, profiles: readonly ProfileName[], format: Format = textFormat) {
  const store = new SeriesStore({ maxSeries: 1000, expirationMs: 60_000 })
  for (const metric of batch.metrics) store.addMetric(metric as ShownMetric, 0)
  for (const event of batch.events) store.addEvent(event, 0)
  return written(store, profiles, format)
}

function written(store: StoreView, profiles: readonly ProfileName[], format: Format) {
  const pieces = writePage(store, new Set(profiles), format)
  let text = ''
  for (;;) {
    const { done, value } = pieces.next()
    if (done === true) return { text, duplicates: value }
    text += value?.toString() ?? ''
  }
}

/** Samples of the `unitscope` profile, without those of `target_info`. */
function shown(store: StoreView, format: Format = textFormat): readonly string[] {
  return linesOf(written(store, ['unitscope'], format).text).filter((line) => !line.startsWith('target_info{'))
}

const isText = (piece: Piece): boolean => piece !== undefined && piece.length > 0

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

function expectGolden(name: string, actual: string): void {
  const file = fileURLToPath(new URL(`../../../golden/openmetrics/${name}`, import.meta.url))
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, actual)
  }
  expect(actual, `${file}${existsSync(file) ? '' : ' is missing: run with UPDATE_GOLDEN=1'}`).toBe(
    existsSync(file) ? readFileSync(file, 'utf8') : undefined,
  )
}
