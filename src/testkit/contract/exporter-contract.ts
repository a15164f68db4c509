import assert from 'node:assert/strict'
import type { Exporter, ExporterFactory } from '../../component/component.js'
import type { Outcome } from '../../component/outcome.js'
import { type Batch, countItems, emptyBatch, itemsOf, selectSignals, signals } from '../../data/batch.js'
import { Tally } from '../../data/tally.js'
import { FakeClock, settle } from '../fake-clock.js'
import { sampleBatch } from '../sample.js'
import { type RecordingTelemetry, TestHost, testSettings } from '../test-settings.js'
import { type ContractCase, configOf, drive, factoryCases, inTime, type Subject } from './contract-case.js'

/** What the suite needs to know of an exporter. */
export interface ExporterSubject extends Subject<ExporterFactory> {
  /**
   * Items that reached the destination of the last configuration made; asked after shutdown. An exporter that answers ok and
   * loses everything is known by this alone, so that a subject without it must say why, in `undeliverable`.
   */
  readonly delivered?: () => Promise<number>
  /** Why nobody can count what arrives. */
  readonly undeliverable?: string
  /** Looks at what is gone after shutdown (a page that is served); everything offered has been answered by then. */
  readonly beforeShutdown?: () => Promise<void>
  /** Batches whose items can be told apart at the destination; by default ten of all three kinds. */
  readonly batches?: readonly Batch[]
}

const kBatches = 10

/**
 * The promises of an exporter. The clock is a FakeClock, so retry waits pass at once. The destination is whatever `config`
 * names; one that answers nobody is a good second subject.
 */
export function exporterContract(subject: ExporterSubject): readonly ContractCase[] {
  const { factory } = subject
  return [
    ...factoryCases(subject),
    {
      name: 'takes at least one signal, each known and named once',
      async run() {
        assert.ok(factory.signals.length > 0)
        assert.equal(new Set(factory.signals).size, factory.signals.length)
        for (const signal of factory.signals) assert.ok(signals.includes(signal), signal)
      },
    },
    {
      name: 'shutdown is safe without start, and twice',
      async run() {
        const rig = await makeRig(subject)
        await rig.stop()
        await rig.stop()
      },
    },
    {
      name: 'shutdown right after start ends, twice is safe, and no timer is left',
      async run() {
        const rig = await makeRig(subject)
        await rig.start()
        await rig.stop()
        await rig.stop()
        assert.equal(rig.clock.pending, 0, 'a timer is left after shutdown')
      },
    },
    {
      name: 'an empty batch is answered ok',
      async run() {
        const rig = await makeRig(subject)
        await rig.start()
        assert.equal((await drive('consume', rig.clock, rig.exporter.consume(emptyBatch))).kind, 'ok')
        await rig.stop()
      },
    },
    {
      name: 'every item offered is taken or handed back, none vanishes, and the records are not changed',
      async run() {
        const rig = await makeRig(subject)
        await rig.start()
        const taken = new Set(factory.signals)
        const sample = () => Array.from({ length: kBatches }, (_, i) => sampleBatch(10, `batch-${i}`))
        const batches = (subject.batches ?? sample()).map((batch) => selectSignals(batch, taken))
        const outcomes = await drive('consume', rig.clock, Promise.all(batches.map((b) => rig.exporter.consume(b))))
        if (subject.beforeShutdown !== undefined) await inTime('beforeShutdown', subject.beforeShutdown())
        await rig.stop()
        const of = (kind: Outcome['kind']) =>
          batches.reduce((sum, batch, i) => (outcomes[i]!.kind === kind ? sum + countItems(batch) : sum), 0)
        const dropped = [...rig.telemetry.drops.values()].reduce((sum, items) => sum + items, 0)
        assert.ok(dropped <= of('ok') + of('permanent'), 'more drops counted than items taken')
        if (subject.delivered === undefined) {
          assert.ok(subject.undeliverable, 'the subject has neither `delivered` nor `undeliverable: "reason"`')
          return
        }
        const delivered = await inTime('delivered', subject.delivered())
        assert.equal(of('ok') + of('permanent'), delivered + dropped, 'ledger: taken = delivered + dropped')
        const settled = new Tally()
        for (const [i, batch] of batches.entries()) if (outcomes[i]!.kind !== 'retryable') settled.add(itemsOf(batch))
        const { processed, dropped: lost } = rig.telemetry.bySignal
        assert.deepEqual(Tally.of(processed).add(lost), settled, 'ledger: so of each signal')
      },
    },
    {
      // The graph offers nothing after shutdown; a component that is offered something all the same must not come to life.
      name: 'consume after shutdown answers without a throw, and starts nothing',
      async run() {
        const rig = await makeRig(subject)
        await rig.start()
        await rig.stop()
        await drive('consume', rig.clock, rig.exporter.consume(sampleBatch()))
        await settle()
        assert.equal(rig.clock.pending, 0, 'a timer was started after shutdown')
      },
    },
  ]
}

async function makeRig(subject: ExporterSubject) {
  const clock = new FakeClock()
  const settings = testSettings('exporter', subject.factory.type, { clock })
  const exporter: Exporter = subject.factory.create(settings, await configOf(subject))
  return {
    clock,
    exporter,
    telemetry: settings.telemetry as RecordingTelemetry,
    async start() {
      await drive('start', clock, exporter.start(new TestHost()))
    },
    async stop() {
      await drive('shutdown', clock, exporter.shutdown())
    },
  }
}
