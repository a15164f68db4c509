import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Exemplar, Gauge, Metric, NumberPoint } from '../../../../src/data/metric.js'
import type { Resource } from '../../../../src/data/resource.js'
import { KeptText } from '../../../../src/exporters/prometheus/kept-text.js'
import { profileNames, writePage } from '../../../../src/exporters/prometheus/page.js'
import { SeriesStore } from '../../../../src/exporters/prometheus/series-store.js'
import { openMetricsFormat, textFormat } from '../../../../src/lib/openmetrics/exposition.js'
import type { ShownMetric } from '../../../../src/lib/openmetrics/spelling.js'
import { seededRandom } from '../../../../src/testkit/test-settings.js'
import { atOnce } from '../../../../src/util/pausable.js'
import { failure, gauge, host, unitOf } from './fixture.js'

const kExpirationMs = 60_000
/** More than two blocks of rows, for each unit has its row. */
const kUnits = 300
const states = ['active', 'failed', 'inactive'] as const

/** What is kept of pages of each kind: with all the room there is, and with next to none. */
interface Scraper {
  readonly wanted: ReadonlySet<(typeof profileNames)[number]>
  readonly format: typeof textFormat
  readonly kept: KeptText
}

const scrapers = (): readonly Scraper[] =>
  [...profileNames.map((name) => [name]), profileNames].flatMap((names) =>
    [textFormat, openMetricsFormat].flatMap((format) =>
      [new KeptText(), new KeptText(5000)].map((kept) => ({ wanted: new Set(names), format, kept })),
    ),
  )

type Random = (below: number) => number

/** Metrics whose series come, go, change, look like each other and are described anew, at random. */
class Machine {
  readonly store = new SeriesStore({ maxSeries: 5000, expirationMs: kExpirationMs })
  readonly #random: Random
  #nowMs = 0
  #unixNano = 1_795_176_271_000_000_000n

  constructor(random: Random) {
    this.#random = random
  }

  step(): void {
    const random = this.#random
    const steps = [
      () => this.#add(this.#numbers(this.#resource())),
      () => this.#add(this.#numbers(this.#resource())),
      () => this.#add(this.#states(this.#resource())),
      () => this.#add(this.#histogram(this.#resource())),
      () => this.store.addEvent(failure(this.#resource(), this.#unixNano), this.#nowMs),
      () => this.#all(),
      () => this.#pass(random(3) === 0 ? kExpirationMs / 2 : 1000),
    ]
    steps[random(steps.length)]!()
  }

  /** Every unit at once, a few of them with another value. */
  #all(): void {
    const name = this.#one('m', 'n')
    for (let n = 0; n < kUnits; n++)
      if (this.#random(100) > 0)
        this.#add(gauge(name, 'By', unitOf(`${n}.service`), [this.#point(n + Number(this.#random(50) === 0))]))
    this.#pass(1000)
  }

  #pass(ms: number): void {
    this.#nowMs += ms
    this.#unixNano += BigInt(ms) * 1_000_000n
    atOnce(this.store.expire(this.#nowMs))
  }

  #add(metric: Metric): void {
    this.store.addMetric(metric as ShownMetric, this.#nowMs)
  }

  /** Units, the same under another key, in another scope, otherwise described; and what is no unit. */
  #resource(): Resource {
    const n = this.#random(6)
    const name = this.#one(`${n}.service`, `${n}.timer`, 'grün.service', 'a"b\\c.service')
    const said = this.#one<Readonly<Record<string, string>>>({}, {}, { 'k8s.pod.name': `p${this.#random(3)}` })
    const unit = unitOf(name, { ...said, ...this.#one({}, {}, { 'systemd.scope': 'user' }) })
    const service = { key: 'shop', attributes: { 'service.name': this.#one('shop', 'till') } }
    const twin = { key: 'other', attributes: { 'service.name': 'shop' } }
    return this.#one(unit, unit, unit, { ...unit, key: `${unit.key}:again` }, host, service, twin)
  }

  #numbers(resource: Resource): Metric {
    const name = this.#one('a.b', 'a_b', 'systemd.unit.pids', 'systemd.service.restarts', 'h_count', 'unitscope_events')
    const attributes = [{}, { k: 'v' }, { unit: 'mine' }, { 'x.y': '1' }, { x_y: '1' }]
    const points = attributes.filter(() => this.#random(2) === 0).map((each) => this.#point(this.#value(), each))
    const unit = this.#one('', 'ms')
    const base = { ...gauge(name, name.startsWith('a') ? unit : '', resource, points), ...this.#times(points) }
    return this.#random(2) === 0 ? base : { ...base, type: 'sum', monotonic: true }
  }

  /** As most of ours are: the time is the metric's, and the points may be another's as well. */
  #times(points: readonly NumberPoint[]): Partial<Gauge> {
    if (this.#random(2) === 0) return {}
    return {
      timeUnixNano: this.#unixNano,
      points: Object.freeze(points.map(({ timeUnixNano: _, ...point }) => point)),
    }
  }

  #states(resource: Resource): Metric {
    const now = this.#one(...states)
    const points = states.map((state) => this.#point(Number(state === now), { 'systemd.unit.active_state': state }))
    return { ...gauge('systemd.unit.state', '1', resource, points), ...this.#times(points) }
  }

  #histogram(resource: Resource): Metric {
    const bounds = this.#one([5], [5, 100])
    const bucketCounts = [...bounds, 0].map(() => this.#random(2))
    const exemplars = this.#exemplars()
    const point = { attributes: {}, startTimeUnixNano: 1n, timeUnixNano: this.#unixNano, count: 2, sum: 7 }
    const points = [{ ...point, bounds, bucketCounts, ...(exemplars === undefined ? {} : { exemplars }) }]
    return { type: 'histogram', name: this.#one('h', 'h2'), unit: 'ms', description: 'h', resource, points }
  }

  #point(value: number | bigint, attributes: Readonly<Record<string, string>> = {}): NumberPoint {
    const exemplars = this.#exemplars()
    const late = this.#random(20) === 0 ? 1_000_000n : 0n
    const point = { attributes, timeUnixNano: this.#unixNano - late, value }
    return exemplars === undefined ? point : { ...point, exemplars }
  }

  #value(): number | bigint {
    const values = [
      0,
      -0,
      1,
      1.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      7n,
      2n ** 53n + 1n,
      2n ** 53n + 3n,
      2 ** 53 + 4,
    ]
    return this.#one(...values)
  }

  #exemplars(): readonly Exemplar[] | undefined {
    if (this.#random(3) > 0) return undefined
    const traceId = this.#one('a', 'b').repeat(32)
    return [{ timeUnixNano: this.#one(1_000_000n, 2_000_000n), value: this.#one(1, 2), traceId }]
  }

  #one<T>(...all: readonly T[]): T {
    return all[this.#random(all.length)]!
  }
}

test('a page of kept text is, byte by byte, the page that is written anew; whatever came, went and changed between two', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 40 }), (seed, steps) => {
      const random = seededRandom(seed)
      const below: Random = (limit) => Math.floor(random() * limit)
      const machine = new Machine(below)
      const all = scrapers()
      for (let n = 0; n < steps; n++) {
        machine.step()
        if (below(3) > 0) continue
        for (const { wanted, format, kept } of all) {
          // Most pages take no notice of what comes while they are made; after one that does the next is right again.
          const page = writePage(machine.store, wanted, format, kept)
          if (below(8) === 0) {
            const pauses = below(40)
            for (let pause = 0; pause < pauses && page.next().done !== true; pause++);
            machine.step()
            textOf(page)
            continue
          }
          const written = textOf(page)
          expect(written).toEqual(textOf(writePage(machine.store, wanted, format)))
          const series = seriesIn(written.text)
          expect(new Set(series).size).toBe(series.length)
        }
      }
    }),
    { numRuns: 20 },
  )
})

/** Name and labels of each line. */
function seriesIn(text: string): readonly string[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return lines.map((line) => line.slice(0, line.includes('} ') ? line.indexOf('} ') + 1 : line.indexOf(' ')))
}

function textOf(page: ReturnType<typeof writePage>): { text: string; duplicates: number } {
  let text = ''
  for (;;) {
    const step = page.next()
    if (step.done === true) return { text, duplicates: step.value }
    text += step.value?.toString() ?? ''
  }
}
