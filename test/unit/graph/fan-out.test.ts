import { expect, test } from 'vitest'
import { type Outcome, ok, permanent, retryable } from '../../../src/component/outcome.js'
import { signals } from '../../../src/data/batch.js'
import { fanOut } from '../../../src/graph/fan-out.js'
import { MemoryExporter } from '../../../src/testkit/memory-exporter.js'
import { items } from './support.js'

const all = new Set(signals)

/** Offers one batch until it is settled; each row of `answers` is one route's answers, in order. */
async function check(answers: readonly (readonly Outcome[])[], expected: readonly Outcome[]) {
  const exporters = answers.map((row) => {
    const exporter = new MemoryExporter()
    exporter.respond = (_batch, call) => row[call] ?? permanent('asked too often')
    return exporter
  })
  const consumer = fanOut(
    exporters.map((consumer) => ({ signals: all, consumer })),
    () => {},
  )
  const batch = items(2)
  const outcomes: Outcome[] = []
  do outcomes.push(await consumer.consume(batch))
  while (outcomes.at(-1)!.kind === 'retryable' && outcomes.length < 10)
  expect(outcomes).toEqual(expected)
  expect(exporters.map((exporter) => exporter.calls)).toEqual(answers.map((row) => row.length))
}

test('all take it: ok', () => check([[ok], [ok]], [ok]))

test('a retry asks only the route that refused', () => {
  return check([[ok], [retryable('full', 10), ok]], [retryable('full', 10), ok])
})

test('the longest wait wins', () => {
  return check(
    [
      [retryable('a', 10), ok],
      [retryable('b', 70), ok],
    ],
    [retryable('b', 70), ok],
  )
})

test('a permanent answer is remembered until the others have settled', () => {
  return check([[permanent('too large')], [retryable('full'), ok]], [retryable('full'), permanent('too large')])
})

test('routes that refuse at different times are each asked until they settle', () => {
  const busy = retryable('busy')
  return check([[busy, busy, ok], [busy, ok], [ok]], [busy, busy, ok])
})

test('the same batch, once settled, is a new delivery', async () => {
  const exporter = new MemoryExporter()
  const consumer = fanOut([{ signals: all, consumer: exporter }], () => {})
  const batch = items(1)
  await consumer.consume(batch)
  await consumer.consume(batch)
  expect(exporter.items).toBe(2)
})

test('a slow route holds the answer back: awaiting is the back-pressure', async () => {
  let release = (_: Outcome) => {}
  const slow = new MemoryExporter()
  slow.respond = () => new Promise<Outcome>((resolve) => (release = resolve))
  const quick = new MemoryExporter()
  const consumer = fanOut(
    [
      { signals: all, consumer: slow },
      { signals: all, consumer: quick },
    ],
    () => {},
  )
  let answered = false
  const answer = consumer.consume(items(1)).then((outcome) => {
    answered = true
    return outcome
  })
  await new Promise(setImmediate)
  expect(quick.items).toBe(1)
  expect(answered).toBe(false)
  release(ok)
  expect(await answer).toEqual(ok)
})

test('routes whose signals are not in the batch are not called', async () => {
  const exporter = new MemoryExporter()
  const consumer = fanOut([{ signals: new Set(['metrics']), consumer: exporter }], () => {})
  expect(await consumer.consume(items(3))).toEqual(ok)
  expect(exporter.calls).toBe(0)
})
