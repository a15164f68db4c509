import { describe, expect, test } from 'vitest'
import type { Exemplar, Metric, NumberPoint } from '../../../../src/data/metric.js'
import { KeptText } from '../../../../src/exporters/prometheus/kept-text.js'
import { writePage } from '../../../../src/exporters/prometheus/page.js'
import { makePage, type Page, PageCache } from '../../../../src/exporters/prometheus/page-cache.js'
import { kBlockRows } from '../../../../src/exporters/prometheus/series-rows.js'
import { SeriesStore } from '../../../../src/exporters/prometheus/series-store.js'
import { openMetricsFormat, textFormat } from '../../../../src/lib/openmetrics/exposition.js'
import type { ShownMetric } from '../../../../src/lib/openmetrics/spelling.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { atOnce } from '../../../../src/util/pausable.js'
import { failure, gauge, host, unitOf } from './fixture.js'

const t0 = 1_795_176_271_000_000_000n
const wanted = new Set(['unitscope'] as const)
const traceId = 'a'.repeat(32)
const exemplar: Exemplar = { timeUnixNano: t0, value: 1, traceId, spanId: 'b'.repeat(16) }
const point = (value: number | bigint, part: Partial<NumberPoint> = {}): NumberPoint => {
  return { attributes: {}, timeUnixNano: t0, value, ...part }
}
const unit = (n: number, value: number | bigint = n): Metric => gauge('m', 'By', unitOf(`${n}.service`), [point(value)])
const counter = (value: number | bigint, part: Partial<Exemplar> = {}): Metric => {
  const exemplars = [{ ...exemplar, ...part }]
  return { ...gauge('c', 'By', host, [point(value, { exemplars })]), type: 'sum', monotonic: true } as Metric
}
const histogram = (
  bounds: readonly number[],
  bucketCounts: readonly number[],
  sum = 2,
  exemplars = [exemplar],
): Metric => {
  const start = { attributes: {}, startTimeUnixNano: 1n, timeUnixNano: t0 }
  const points = [{ ...start, count: 2, sum, bounds, bucketCounts, exemplars }]
  return { type: 'histogram', name: 'h', unit: 'ms', description: 'h', resource: host, points }
}

/** A store that is scraped, as OpenMetrics. */
class Scraped {
  readonly store = new SeriesStore({ maxSeries: 10_000, expirationMs: 60_000 })
  readonly kept: KeptText
  #before: Page | undefined

  constructor(kept = new KeptText()) {
    this.kept = kept
  }

  add(metrics: readonly Metric[], nowMs = 0): void {
    for (const metric of metrics) this.store.addMetric(metric as ShownMetric, nowMs)
  }

  page(): Page {
    const pieces = writePage(this.store, wanted, openMetricsFormat, this.kept)
    this.#before = atOnce(makePage(pieces, { before: this.#before }))
    return this.#before
  }

  anew(): string {
    return textOf(atOnce(makePage(writePage(this.store, wanted, openMetricsFormat))))
  }
}

const textOf = ({ plain }: Page): string => Buffer.concat(plain.chunks).toString()
/** How many pieces of the second page are not those of the first. */
const othersIn = (first: Page, second: Page): number =>
  second.plain.chunks.filter((chunk) => !first.plain.chunks.includes(chunk)).length

describe('of a series that is heard of again', () => {
  const cases: readonly [string, Metric, Metric, boolean][] = [
    ['the same value is no change', unit(1, 7), unit(1, 7), false],
    ['the same value as a bigint is none', unit(1, 7), unit(1, 7n), false],
    ['no number again is none', unit(1, Number.NaN), unit(1, Number.NaN), false],
    ['another value is one', unit(1, 7), unit(1, 8), true],
    ['a number after none is one', unit(1, Number.NaN), unit(1, 0), true],
    [
      'an integer that only its digits tell from the last one is one',
      unit(1, 2n ** 53n + 1n),
      unit(1, 2n ** 53n),
      true,
    ],
    ['... and back', unit(1, 2n ** 53n), unit(1, 2n ** 53n + 1n), true],
    ['... and from another such', unit(1, 2n ** 54n + 1n), unit(1, 2n ** 54n - 1n), true],
    ['the same integer is none', unit(1, 2n ** 53n + 1n), unit(1, 2n ** 53n + 1n), false],
    ['the same exemplar, in an object of its own, is none', counter(1), counter(1), false],
    ['an exemplar of another trace is one', counter(1), counter(1, { traceId: 'c'.repeat(32) }), true],
    ['an exemplar of another span is one', counter(1), counter(1, { spanId: 'c'.repeat(16) }), true],
    ['an exemplar of another time is one', counter(1), counter(1, { timeUnixNano: t0 + 1_000_000n }), true],
    ['an exemplar of another value is one', counter(1), counter(1, { value: 2 }), true],
    ['an exemplar with attributes is one', counter(1), counter(1, { attributes: { k: 'v' } }), true],
    ['the same buckets are none', histogram([5], [1, 1]), histogram([5], [1, 1]), false],
    ['other buckets are one', histogram([5], [1, 1]), histogram([5], [2, 0]), true],
    ['other bounds are one', histogram([5], [1, 1]), histogram([6], [1, 1]), true],
    ['another sum is one', histogram([5], [1, 1]), histogram([5], [1, 1], 3), true],
    ['another exemplar of a bucket is one', histogram([5], [1, 1]), histogram([5], [1, 1], 2, [counterOf(2)]), true],
  ]
  for (const [name, first, second, changes] of cases)
    test(name, () => {
      const scraped = new Scraped()
      scraped.add([first])
      const before = scraped.page()
      scraped.add([second], 10)
      const after = scraped.page()
      expect(textOf(after)).toBe(scraped.anew())
      expect(textOf(after) !== textOf(before)).toBe(changes)
      expect(after !== before).toBe(changes)
    })
})

describe('of a page of many blocks', () => {
  const kUnits = 4 * kBlockRows
  const large = (kept?: KeptText): Scraped => {
    const scraped = new Scraped(kept)
    scraped.add(Array.from({ length: kUnits }, (_, n) => unit(n)))
    return scraped
  }
  /** Those of both families, and the end, are written anew when something came or was described. */
  const kHeads = 3
  const cases: readonly [string, (scraped: Scraped) => void, number][] = [
    ['a value', (scraped) => scraped.add([unit(kBlockRows + 3, -1)]), 1],
    ['two values of one block', (scraped) => scraped.add([unit(0, -1), unit(1, -10_000)]), 1],
    ['two values of two blocks', (scraped) => scraped.add([unit(0, -1), unit(kUnits - 1, 1_000_000)]), 2],
    ['a new unit: its block, and the five of what is known of units', (one) => one.add([unit(kUnits)]), 1 + 5 + kHeads],
    [
      'a unit that is described anew: all that has labels of units',
      (scraped) => scraped.add([{ ...unit(1), resource: unitOf('1.service', { 'k8s.pod.name': 'p' }) } as Metric]),
      4 + 4 + kHeads,
    ],
  ]
  for (const [name, change, wantedOthers] of cases)
    test(`only what reads otherwise is written: ${name}`, () => {
      const scraped = large()
      const before = scraped.page()
      change(scraped)
      const after = scraped.page()
      expect(textOf(after)).toBe(scraped.anew())
      expect(othersIn(before, after)).toBe(wantedOthers)
    })

  test('blocks before the first series that goes stay', () => {
    const scraped = large()
    scraped.add(
      Array.from({ length: kUnits }, (_, n) => unit(n)).filter((_, n) => n !== kBlockRows + 5),
      50_000,
    )
    const before = scraped.page()
    atOnce(scraped.store.expire(60_000))
    const after = scraped.page()
    expect(textOf(after)).toBe(scraped.anew())
    const first = (page: Page): Buffer =>
      page.plain.chunks.find((chunk) => chunk.includes('m_bytes{unit="0.service"}'))!
    expect(first(after)).toBe(first(before))
  })

  test('no more is kept than there is room for, and the page is the same', () => {
    const kRoom = 20_000
    const scraped = large(new KeptText(kRoom))
    expect(textOf(scraped.page())).toBe(scraped.anew())
    expect(scraped.kept.bytes).toBeGreaterThan(kRoom / 2)
    expect(scraped.kept.bytes).toBeLessThanOrEqual(kRoom)
    scraped.add([unit(1, -1), unit(2 * kBlockRows, 1e9)])
    expect(textOf(scraped.page())).toBe(scraped.anew())
    expect(scraped.kept.bytes).toBeLessThanOrEqual(kRoom)
  })

  test('what is kept are the bytes of the page, and no others when series have gone', () => {
    const scraped = large()
    expect(scraped.page().plain.bytes).toBe(scraped.kept.bytes)
    scraped.add([unit(1)], 50_000)
    atOnce(scraped.store.expire(60_000))
    expect(scraped.page().plain.bytes).toBe(scraped.kept.bytes)
  })
})

test('counts of events are written anew where there was one', () => {
  const scraped = new Scraped()
  const count = (n: number) => scraped.store.addEvent(failure(unitOf(`${n}.service`), t0), 0)
  for (let n = 0; n < 2 * kBlockRows; n++) count(n)
  const before = scraped.page()
  expect(scraped.page()).toBe(before)
  count(5)
  const after = scraped.page()
  expect(textOf(after)).toBe(scraped.anew())
  expect(othersIn(before, after)).toBe(1)
})

describe('the cache of pages', () => {
  const opened = () => {
    const clock = new FakeClock()
    const scraped = large()
    const cache = new PageCache(clock, (format, kept) => writePage(scraped.store, wanted, format, kept))
    const scrape = async (format = textFormat): Promise<Page> => {
      const page = await cache.page(format)
      await clock.advance(1000) // the time for which a page is the same for all
      cache.sweep()
      return page
    }
    return { clock, scraped, cache, scrape }
  }
  const large = (): Scraped => {
    const scraped = new Scraped()
    scraped.add(Array.from({ length: 300 }, (_, n) => unit(n)))
    return scraped
  }

  test('has one page, compressed once, as long as nothing changes', async () => {
    const { scraped, scrape } = opened()
    const page = await scrape()
    const again = await scrape()
    expect(again).toBe(page)
    expect(again.zipped()).toBe(page.zipped())
    scraped.add([unit(1, -1)])
    expect(await scrape()).not.toBe(page)
  })

  test('lets go what is kept for a format when nobody asked for it in five minutes', async () => {
    const { clock, cache, scrape } = opened()
    const { plain } = await scrape(textFormat)
    await scrape(openMetricsFormat)
    const both = cache.keptBytes
    expect(both).toBeGreaterThan(plain.bytes)
    await clock.advance(200_000)
    await scrape(textFormat)
    await clock.advance(100_000)
    cache.sweep()
    expect(cache.keptBytes).toBe(plain.bytes)
    await clock.advance(300_000)
    cache.sweep()
    expect(cache.keptBytes).toBe(0)
    await cache.close()
  })

  test('keeps nothing when it is closed', async () => {
    const { cache, scrape } = opened()
    await scrape()
    await cache.close()
    expect(cache.keptBytes).toBe(0)
  })
})

function counterOf(value: number): Exemplar {
  return { ...exemplar, value }
}
