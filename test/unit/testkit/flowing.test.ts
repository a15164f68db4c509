import { expect, test } from 'vitest'
import type {
  Consumer,
  ExporterFactory,
  Receiver,
  ReceiverFactory,
  Settings,
} from '../../../src/component/component.js'
import { ok } from '../../../src/component/outcome.js'
import { itemsOf } from '../../../src/data/batch.js'
import type { ContractCase } from '../../../src/testkit/contract/contract-case.js'
import { exporterContract } from '../../../src/testkit/contract/exporter-contract.js'
import { receiverContract } from '../../../src/testkit/contract/receiver-contract.js'
import { sampleBatch } from '../../../src/testkit/sample.js'

// A promise about what flows is worth nothing where nothing flows: both suites insist that something does.

const head = {
  type: 'broken',
  stability: 'development',
  description: 'Breaks a promise on purpose.',
  configSchema: { type: 'object', description: 'None.', properties: {} },
  capabilities: [],
} as const
const still = { async start() {}, async shutdown() {} }

async function failures(cases: readonly ContractCase[]): Promise<string> {
  const failed: string[] = []
  for (const { name, run } of cases) await run().catch((error: Error) => failed.push(`${name}: ${error.message}`))
  return failed.join('\n')
}

function receiver(create: (settings: Settings, next: Consumer) => Receiver): ReceiverFactory {
  return { ...head, kind: 'receiver', create: (settings, _, next) => create(settings, next) }
}

function exporter(): ExporterFactory {
  return { ...head, kind: 'exporter', signals: ['logs'], create: () => ({ ...still, consume: async () => ok }) }
}

test('a receiver that never emits is caught, unless it says why', async () => {
  const mute = receiver(() => still)
  const [first] = receiverContract({ factory: mute }).filter(({ name }) => name.includes('answers ok'))
  expect(await failures([first!])).toMatch(/nothing was emitted/)
  expect(await failures(receiverContract({ factory: mute, silent: 'made for this test' }))).toBe('')
})

test('a receiver that speaks when provoked passes', async () => {
  let speak = async (): Promise<void> => {}
  const factory = receiver(({ telemetry }, next) => {
    speak = async () => {
      telemetry.processed(itemsOf(sampleBatch()))
      if ((await next.consume(sampleBatch())).kind === 'retryable')
        telemetry.dropped(itemsOf(sampleBatch()), 'backpressure')
    }
    return still
  })
  expect(await failures(receiverContract({ factory, provoke: () => speak() }))).toBe('')
})

test('an exporter that answers ok and loses all is caught; one whose arrivals nobody counts must say why', async () => {
  const factory = exporter()
  expect(await failures(exporterContract({ factory, delivered: async () => 0 }))).toMatch(
    /taken = delivered \+ dropped/,
  )
  expect(await failures(exporterContract({ factory }))).toMatch(/neither `delivered` nor `undeliverable/)
  expect(await failures(exporterContract({ factory, undeliverable: 'made for this test' }))).toBe('')
})
