import { expect, test } from 'vitest'
import { EventCounts } from '../../../../src/exporters/prometheus_remote_write/event-counts.js'
import { SeriesBook } from '../../../../src/exporters/prometheus_remote_write/series-book.js'
import { sampleEvent, sampleResource } from '../../../../src/testkit/sample.js'

/** One service as it comes from two of its libraries: each scope makes a resource of its own, and labels do not tell them apart. */
const [http, sql] = ['http', 'sql'].map((scope) => ({ ...sampleResource('shop.service'), key: `otlp ${scope}` }))

function rig() {
  const counts = new EventCounts(new SeriesBook({ maxSeries: 100, expirationMs: 300_000 }, []))
  return {
    counts,
    add(resource = http!) {
      const { changed } = counts.add([sampleEvent({ name: 'failed', resource })], 0)
      return [...changed.keys()].map(({ count }) => count)
    },
  }
}

test('events that labels do not tell apart are one count, which never goes down', () => {
  const { counts, add } = rig()
  const said = [http, http, sql, http, sql].flatMap((resource) => {
    const now = add(resource)
    counts.taken()
    return now
  })
  expect(said).toEqual([1, 2, 3, 4, 5])
  expect([...counts.all()].length).toBe(1)
})

test('what was not taken does not count', () => {
  const { counts, add } = rig()
  expect([add(http), add(sql)]).toEqual([[1], [2]])
  counts.undo()
  expect([...counts.all()]).toEqual([])
  expect(add(sql)).toEqual([1])
  counts.taken()
  expect(add(http)).toEqual([2])
  counts.undo()
  expect(add(http)).toEqual([2])
})

test('a count of which nothing was heard for an hour begins anew', () => {
  const { counts, add } = rig()
  add(http)
  counts.taken()
  counts.forget(3_600_001)
  expect([...counts.all()]).toEqual([])
  expect(add(http)).toEqual([1])
})

test("tenants' services of one name have a count each: the header that says whose they are is a label", () => {
  const { counts, add } = rig()
  const [a, b] = ['a', 'b'].map((tenant) => ({
    ...sampleResource('shop.service'),
    key: `otlp ${tenant}`,
    origin: { scope: '', resource: '', resourceRecords: '', scopeRecords: '', metadata: { 'x-scope-orgid': tenant } },
  }))
  expect([a, b, a].flatMap(add)).toEqual([1, 1, 2])
  expect([...counts.all()].map(({ series }) => /x_scope_orgid.*?[ab]/.test(series.labels))).toEqual([true, true])
})
