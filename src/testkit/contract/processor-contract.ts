import assert from 'node:assert/strict'
import type { Processor, ProcessorFactory, Settings } from '../../component/component.js'
import { type Outcome, ok, permanent, retryable } from '../../component/outcome.js'
import { type Batch, emptyBatch } from '../../data/batch.js'
import { Tally } from '../../data/tally.js'
import { FakeClock, settle } from '../fake-clock.js'
import { MockReceiver } from '../mock-receiver.js'
import { sampleBatch } from '../sample.js'
import { type RecordingTelemetry, TestHost, testSettings } from '../test-settings.js'
import {
  type ContractCase,
  configOf,
  drive,
  factoryCases,
  inTime,
  LedgerConsumer,
  type Subject,
} from './contract-case.js'

/** What the suite needs to know of a processor. */
export interface ProcessorSubject extends Subject<ProcessorFactory> {
  /** Batches that exercise it; by default plain records of all three kinds. */
  readonly batches?: readonly Batch[]
}

const kBatches = 10

/**
 * The promises of a processor. Time stands still in it (FakeClock); nothing outside is touched.
 *
 * The ledger: an item is *taken* once its offer was answered `ok` or `permanent` (who answers `permanent` has counted the
 * loss); one answered `retryable` still belongs to whoever offered it. At rest `taken + produced = handed on + dropped`.
 */
export function processorContract(subject: ProcessorSubject): readonly ContractCase[] {
  return [
    ...factoryCases(subject),
    {
      name: 'shutdown is safe without start, and twice',
      async run() {
        const rig = await makeRig(subject, () => ok)
        await rig.stop()
        await rig.stop()
        assert.equal(rig.next.calls, 0)
      },
    },
    {
      name: 'started and stopped without input it emits nothing and leaves no timer',
      async run() {
        const rig = await makeRig(subject, () => ok)
        await rig.start()
        await rig.stop()
        await rig.stop()
        await rig.expectSilence()
      },
    },
    {
      name: 'an empty batch is answered ok',
      async run() {
        const rig = await makeRig(subject, () => ok)
        await rig.start()
        assert.equal((await drive('consume', rig.clock, rig.processor.consume(emptyBatch))).kind, 'ok')
        await rig.stop()
        rig.expectLedger()
      },
    },
    {
      name: 'ten batches in, every item handed on or counted, and the records are not changed',
      async run() {
        const rig = await makeRig(subject, () => ok)
        await rig.start()
        const outcomes = await drive('consume', rig.clock, rig.emitAll())
        assert.deepEqual(
          outcomes.map((o) => o.kind),
          outcomes.map(() => 'ok'),
        )
        await rig.stop()
        rig.expectLedger()
        await rig.expectSilence()
      },
    },
    {
      name: 'shutdown settles every consume still under way',
      async run() {
        const rig = await makeRig(subject, () => ok)
        await rig.start()
        const pending = rig.emitAll()
        await rig.stop()
        await inTime('consume after shutdown', pending)
        rig.expectLedger()
        await rig.expectSilence()
      },
    },
    {
      name: 'what next refuses for now is offered again without being counted twice',
      async run() {
        const rig = await makeRig(subject, (call) => (call % 2 === 0 ? retryable('busy', 50) : ok))
        await rig.start()
        const sent = Promise.all(rig.batches.map((b) => rig.receiver.emitUntilTaken(b, 50)))
        for (const outcome of await drive('consume', rig.clock, sent)) assert.equal(outcome.kind, 'ok')
        await rig.stop()
        rig.expectLedger()
      },
    },
    {
      name: 'with a next that never takes anything, shutdown still ends and nothing vanishes',
      async run() {
        const rig = await makeRig(subject, () => retryable('down', 1000))
        await rig.start()
        const pending = rig.emitAll()
        await rig.stop()
        await inTime('consume after shutdown', pending)
        rig.expectLedger()
        await rig.expectSilence()
      },
    },
    {
      name: 'what next rejects for good is not offered again, and is accounted for',
      async run() {
        const rig = await makeRig(subject, () => permanent('poison'))
        await rig.start()
        await drive('consume', rig.clock, rig.emitAll())
        await rig.stop()
        assert.equal(rig.receiver.items.refused, 0, 'answered retryable: it would be offered again')
        rig.expectLedger()
      },
    },
  ]
}

async function makeRig(subject: ProcessorSubject, respond: (call: number) => Outcome) {
  const clock = new FakeClock()
  const settings = testSettings('processor', subject.factory.type, { clock }) satisfies Settings
  const telemetry = settings.telemetry as RecordingTelemetry
  const next = new LedgerConsumer(respond)
  const processor: Processor = subject.factory.create(settings, await configOf(subject), next)
  const receiver = new MockReceiver(processor)
  const batches = subject.batches ?? Array.from({ length: kBatches }, (_, index) => sampleBatch(10, `batch-${index}`))
  return {
    clock,
    next,
    processor,
    receiver,
    batches,
    async start() {
      await inTime('start', processor.start(new TestHost()))
    },
    /** Offers every batch once, at the same time. */
    emitAll() {
      const answers = Promise.all(batches.map((batch) => receiver.emit(batch)))
      answers.catch(() => {}) // awaited later, after the shutdown; until then its rejection is not unhandled
      return answers
    },
    async stop() {
      await drive('shutdown', clock, processor.shutdown())
    },
    expectLedger() {
      const taken = receiver.items.accepted + receiver.items.rejected
      const dropped = [...telemetry.drops.values()].reduce((sum, items) => sum + items, 0)
      assert.equal(
        taken + telemetry.producedItems,
        next.taken + dropped,
        `ledger: taken ${taken} + produced ${telemetry.producedItems} = handed on ${next.taken} + dropped ${dropped}`,
      )
      const { produced, dropped: lost } = telemetry.bySignal
      const out = Tally.of(next.signals).add(lost)
      assert.deepEqual(Tally.of(receiver.settled).add(produced), out, 'ledger: so of each signal')
    },
    async expectSilence() {
      const { calls } = next
      assert.equal(clock.pending, 0, 'a timer is left after shutdown')
      await clock.advance(3_600_000)
      await settle()
      assert.equal(next.calls, calls, 'emitted after shutdown')
    },
  }
}
