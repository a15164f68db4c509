import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Outcome, ok, permanent, retryable } from '../../../src/component/outcome.js'
import { type Batch, batchOf, countItems } from '../../../src/data/batch.js'
import { unaccounted } from '../../../src/graph/ledger.js'
import type { ComponentCounters } from '../../../src/telemetry/component-counters.js'
import { seededRandom } from '../../../src/testkit/test-settings.js'
import { buildFake, items, type MakeProcessor, newWorld } from './support.js'

/** Processors that drop, make, hold and pass on, by the first letter of their id. */
const makeProcessor: MakeProcessor = (settings, next) => {
  const telemetry = settings.telemetry as ComponentCounters
  switch (settings.id.id[0]) {
    case 'd': // drops half of the events
      return {
        async consume(batch) {
          const kept = batch.events.slice(0, Math.floor(batch.events.length / 2))
          const outcome = await next.consume(batchOf({ ...batch, events: kept }))
          if (outcome.kind !== 'retryable') telemetry.dropped({ logs: batch.events.length - kept.length }, 'half')
          return outcome
        },
      }
    case 'm': // makes one span per batch
      return {
        async consume(batch) {
          const more = items(0, 0, 1).spans
          const outcome = await next.consume({ ...batch, spans: [...batch.spans, ...more] })
          if (outcome.kind !== 'retryable') telemetry.produced({ traces: 1 })
          return outcome
        },
      }
    case 'h': {
      // holds one batch back, or more when what it passed on was refused
      const held: Batch[] = []
      return {
        async consume(batch) {
          held.push(batch)
          const first = held.length > 1 ? held.shift() : undefined
          if (first !== undefined && (await next.consume(first)).kind === 'retryable') held.unshift(first)
          return ok
        },
      }
    }
    default:
      return next
  }
}

const pipelineLine = fc
  .tuple(
    fc.constantFrom('logs', 'metrics', 'all', 'more'),
    fc.subarray(['r1', 'r2'], { minLength: 1 }),
    fc.uniqueArray(fc.constantFrom('d', 'm', 'h', 'p'), { maxLength: 4 }),
    fc.subarray(['x', 'y', 'z'], { minLength: 1 }),
  )
  .map(([id, receivers, processors, exporters]) => ({ id, receivers, processors, exporters }))

test('in + produced = out + dropped + held for every component of any graph, whatever the exporters answer', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(pipelineLine, { minLength: 1, maxLength: 4, selector: (line) => line.id }),
      fc.array(fc.tuple(fc.nat(5), fc.nat(3), fc.nat(2)), { minLength: 1, maxLength: 12 }),
      fc.integer(),
      async (lines, sizes, seed) => {
        const world = newWorld()
        const random = seededRandom(seed)
        const graph = buildFake(
          world,
          lines.map(
            (l) => `${l.id}: ${l.receivers.join(' ')} -> ${l.processors.join(' ')} -> ${l.exporters.join(' ')}`,
          ),
          { process: makeProcessor },
        )
        await graph.start()
        for (const exporter of world.exporters.values()) {
          exporter.respond = async () => {
            await new Promise(setImmediate)
            return random() < 0.6 ? ok : random() < 0.6 ? retryable('busy') : permanent('refused')
          }
        }
        const emitted = new Map([...world.receivers.keys()].map((id) => [id, 0]))
        await Promise.all(
          sizes.map(async ([events, points, spans], at) => {
            const id = [...world.receivers.keys()][at % world.receivers.size]!
            const batch = items(events, points, spans)
            let outcome = retryable('not offered yet')
            for (let tries = 0; outcome.kind === 'retryable' && tries < 200; tries++) {
              outcome = await world.receivers.get(id)!.emit(batch)
            }
            expect(outcome.kind).not.toBe('retryable')
            emitted.set(id, emitted.get(id)! + countItems(batch))
          }),
        )
        const { rows } = graph.ledger()
        const context = JSON.stringify({ lines, seed, rows }, null, 1)
        for (const row of rows) {
          const dropped = Object.values(row.dropped).reduce((sum, n) => sum + n, 0)
          expect(row.in + row.produced, context).toBe(row.out + dropped + row.held)
          if (row.kind === 'receiver') expect(row.out, context).toBe(emitted.get(row.id))
          if (row.id.startsWith('h')) expect(row.held, context).toBeGreaterThanOrEqual(0)
          else expect(row.held, context).toBe(0)
          if (row.kind === 'exporter') expect(row.out, context).toBe(world.exporters.get(row.id)!.items)
          for (const of of Object.values(row.by_signal)) {
            const lost = Object.values(of.dropped).reduce((sum, n) => sum + n, 0)
            expect(of.in + of.produced, context).toBe(of.out + lost + of.held)
            if (row.id.startsWith('h')) expect(of.held, context).toBeGreaterThanOrEqual(0)
            else expect(of.held, context).toBe(0)
          }
        }
        expect(unaccounted(graph.ledger(), false), context).toEqual({})
        await graph.shutdown()
      },
    ),
    { numRuns: 150 },
  )
})

test('a batch under way is held by whoever has it, and by the receiver until it is answered: the numbers are right at any moment', async () => {
  const world = newWorld()
  const graph = buildFake(world, ['all: r -> p -> x'])
  await graph.start()
  let release = () => {}
  world.exporters.get('x')!.respond = () => new Promise((resolve) => (release = () => resolve(ok)))
  const answer = world.receivers.get('r')!.emit(items(3))
  await new Promise(setImmediate)
  const held = () => graph.ledger().rows.map((row) => `${row.id} ${row.held}`)
  expect(held()).toEqual(['r 3', 'p 0', 'x 3'])
  release()
  await answer
  expect(held()).toEqual(['r 0', 'p 0', 'x 0'])
})

test('what is counted as read only once it is answered, for its sender has it until then, is never missing', async () => {
  const world = newWorld()
  world.behaviour.set('receiver r', { countsAnswered: true })
  const graph = buildFake(world, ['all: r -> p -> x'])
  await graph.start()
  let release = (_: Outcome) => {}
  world.exporters.get('x')!.respond = () => new Promise((resolve) => (release = resolve))
  for (const outcome of [retryable('busy'), ok]) {
    const answer = world.receivers.get('r')!.emit(items(3, 1))
    await new Promise(setImmediate)
    expect(unaccounted(graph.ledger(), false)).toEqual({})
    release(outcome)
    await answer
    expect(unaccounted(graph.ledger(), false)).toEqual({})
  }
  expect(graph.ledger().rows[0]).toMatchObject({ in: 4, out: 4, held: 0 })
})
