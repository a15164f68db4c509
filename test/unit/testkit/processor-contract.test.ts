import { expect, test } from 'vitest'
import type { Consumer, Processor, ProcessorFactory, Settings } from '../../../src/component/component.js'
import { ok, retryable } from '../../../src/component/outcome.js'
import { type Batch, batchOf, countItems } from '../../../src/data/batch.js'
import { processorContract } from '../../../src/testkit/contract/processor-contract.js'
import { sampleEvent } from '../../../src/testkit/sample.js'

// A suite that cannot fail is worth nothing: each of these processors breaks one promise, and must be caught at it.

type Make = (settings: Settings, next: Consumer) => Partial<Processor> & Consumer

async function failures(make: Make, head: Partial<ProcessorFactory> = {}): Promise<readonly string[]> {
  const factory: ProcessorFactory = {
    type: 'broken',
    kind: 'processor',
    stability: 'development',
    description: 'Breaks a promise on purpose.',
    configSchema: { type: 'object', description: 'None.', properties: {} },
    capabilities: [],
    create: (settings, _, next) => ({ async start() {}, async shutdown() {}, ...make(settings, next) }),
    ...head,
  }
  const failed: string[] = []
  for (const { name, run } of processorContract({ factory }))
    await run().catch((error: Error) => failed.push(`${name}: ${error.message}`))
  return failed
}

const honest: Make = (_, next) => ({ consume: (batch) => next.consume(batch) })

test('an honest processor passes', async () => {
  expect(await failures(honest)).toEqual([])
})

test.each<[string, Make, RegExp]>([
  [
    'loses an item',
    (_, next) => ({ consume: (batch) => next.consume({ ...batch, spans: batch.spans.slice(1) }) }),
    /ledger/,
  ],
  [
    'answers ok for what was refused',
    (_, next) => ({
      async consume(batch) {
        await next.consume(batch)
        return ok
      },
    }),
    /ledger/,
  ],
  [
    'counts a drop at every attempt',
    (settings, next) => ({
      consume(batch) {
        settings.telemetry.dropped({ logs: batch.events.length }, 'filtered')
        return next.consume({ ...batch, events: [] })
      },
    }),
    /offered again without being counted twice: ledger/,
  ],
  [
    'makes items in secret',
    (_, next) => ({ consume: (batch) => next.consume({ ...batch, events: [...batch.events, sampleEvent()] }) }),
    /ledger/,
  ],
  [
    'changes what it is given',
    (_, next) => ({
      consume(batch) {
        ;(batch.events as unknown[]).pop()
        return next.consume(batch)
      },
    }),
    /read only|not extensible|Cannot delete/,
  ],
  [
    'leaves a timer',
    (settings, next) => ({
      async start() {
        settings.clock.every(1000, () => {})
      },
      consume: (batch) => next.consume(batch),
    }),
    /a timer is left after shutdown/,
  ],
  [
    'speaks after shutdown',
    (settings, next) => ({
      consume: (batch) => next.consume(batch),
      async shutdown() {
        settings.clock.after(0, () => void next.consume(batchOf({ events: [sampleEvent()] })))
      },
    }),
    /a timer is left after shutdown|emitted after shutdown/,
  ],
  [
    'emits on shutdown without start',
    (_, next) => ({
      consume: (batch) => next.consume(batch),
      async shutdown() {
        await next.consume(batchOf({ events: [sampleEvent()] }))
      },
    }),
    /shutdown is safe without start/,
  ],
  [
    'forgets what it holds at shutdown',
    () => {
      const held: Batch[] = []
      return {
        async consume(batch) {
          held.push(batch)
          return ok
        },
      }
    },
    /ledger/,
  ],
  [
    'offers again what was rejected for good',
    (_, next) => ({
      async consume(batch) {
        const outcome = await next.consume(batch)
        return outcome.kind === 'permanent' ? next.consume(batch) : outcome
      },
    }),
    /rejects for good.*: ledger/,
  ],
  [
    'asks for what was rejected for good once more',
    (_, next) => ({
      async consume(batch) {
        const outcome = await next.consume(batch)
        return outcome.kind === 'permanent' ? retryable(outcome.reason, 10) : outcome
      },
    }),
    /rejects for good.*: answered retryable/,
  ],
  [
    'throws when stopped twice',
    (_, next) => {
      let stopped = false
      return {
        consume: (batch) => next.consume(batch),
        async shutdown() {
          if (stopped) throw new Error('stopped already')
          stopped = true
        },
      }
    },
    /stopped already/,
  ],
  [
    'refuses an empty batch',
    (_, next) => ({
      async consume(batch) {
        return countItems(batch) === 0 ? { kind: 'permanent', reason: 'empty' } : next.consume(batch)
      },
    }),
    /an empty batch is answered ok/,
  ],
])('one that %s is caught', async (_, make, reason) => {
  const failed = await failures(make)
  expect(failed.length).toBeGreaterThan(0)
  expect(failed.join('\n')).toMatch(reason)
})

test('a factory without words is caught', async () => {
  expect(await failures(honest, { description: 'todo' })).toHaveLength(1)
  const option = { type: 'boolean', description: '', default: true } as const
  const configSchema = { type: 'object', description: 'None.', properties: { quiet: option } } as const
  expect((await failures(honest, { configSchema })).join()).toContain('option quiet has no description')
})
