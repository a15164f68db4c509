import assert from 'node:assert/strict'
import type { Receiver, ReceiverFactory } from '../../component/component.js'
import { type Outcome, ok, permanent, retryable } from '../../component/outcome.js'
import { signals } from '../../data/batch.js'
import { Tally } from '../../data/tally.js'
import { UnavailableError } from '../../errors.js'
import { FakeClock, settle } from '../fake-clock.js'
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

/** What the suite needs to know of a receiver. */
export interface ReceiverSubject extends Subject<ReceiverFactory> {
  /**
   * Makes the source speak until the receiver has called `consume` at least once more. Without it the suite only moves the
   * clock, which is enough for receivers that collect at an interval.
   */
  readonly provoke?: () => Promise<void>
  /** Why this subject emits nothing, e.g. `nobody answers`. Without it the suite fails where nothing has flowed. */
  readonly silent?: string
}

/**
 * Turns of the event loop given to a source that is real; as many on a slow machine. The first take 1 ms each, and the others,
 * for a process of the source may stand still for seconds, ten.
 */
const kTurns = 1000
const kQuickTurns = 100
/** Virtual time given to a receiver to collect something. */
const kCollectMs = 120_000

/**
 * The promises of a receiver. The clock is a FakeClock; sources are whatever `config` names. A receiver whose `start`
 * throws UnavailableError keeps its promises too: it must still shut down.
 */
export function receiverContract(subject: ReceiverSubject): readonly ContractCase[] {
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
      name: 'shutdown right after start ends, and twice is safe',
      async run() {
        const rig = await makeRig(subject, () => ok)
        await rig.start()
        await rig.stop()
        await rig.stop()
        await rig.expectSilence()
      },
    },
    ...(['ok', 'retryable', 'permanent', 'in turn'] as const).map((answer) => ({
      name: `goes on, stops, falls silent and accounts for every item when next answers ${answer}`,
      async run() {
        const answers: Record<typeof answer, (call: number) => Outcome> = {
          ok: () => ok,
          retryable: () => retryable('busy', 10),
          permanent: () => permanent('poison'),
          'in turn': (call) => [ok, retryable('busy', 10), permanent('poison')][call % 3]!,
        }
        const rig = await makeRig(subject, answers[answer])
        const available = await rig.start()
        if (available) await rig.collect()
        await rig.stop()
        await rig.expectSilence()
        rig.expectLedger()
      },
    })),
  ]
}

async function makeRig(subject: ReceiverSubject, respond: (call: number) => Outcome) {
  const clock = new FakeClock()
  const next = new LedgerConsumer(respond)
  const settings = testSettings('receiver', subject.factory.type, { clock })
  const telemetry = settings.telemetry as RecordingTelemetry
  const receiver: Receiver = subject.factory.create(settings, await configOf(subject), next)
  return {
    next,
    /** False when this machine cannot serve the receiver; then nothing can flow. */
    async start(): Promise<boolean> {
      try {
        await drive('start', clock, receiver.start(new TestHost()))
        return true
      } catch (error) {
        if (error instanceof UnavailableError) return false
        throw error
      }
    },
    async collect() {
      if (subject.provoke !== undefined) await inTime('provoke', subject.provoke())
      await clock.advance(kCollectMs)
      if (subject.silent !== undefined) return
      // A source may be real (a file): it speaks when it is read. Promises about what flows mean nothing where nothing does.
      for (let turn = 0; turn < kTurns && next.calls === 0; turn++) {
        await clock.advance(1000)
        await new Promise((resolve) => setTimeout(resolve, turn < kQuickTurns ? 1 : 10))
      }
      assert.ok(next.calls > 0, 'nothing was emitted, and the subject does not say `silent: "reason"`')
    },
    async stop() {
      await drive('shutdown', clock, receiver.shutdown())
    },
    /** What was read from the source was taken by next, or is counted as dropped; nothing is held after shutdown. */
    expectLedger() {
      const read = telemetry.processedItems + telemetry.producedItems
      const dropped = [...telemetry.drops.values()].reduce((sum, items) => sum + items, 0)
      assert.equal(read, next.taken + dropped, `ledger: read ${read} = handed on ${next.taken} + dropped ${dropped}`)
      const { processed, produced, dropped: lost } = telemetry.bySignal
      const out = Tally.of(next.signals).add(lost)
      assert.deepEqual(Tally.of(processed).add(produced), out, 'ledger: so of each signal')
      const undeclared = signals.filter((signal) => subject.factory.signals?.includes(signal) === false)
      for (const signal of undeclared)
        assert.equal(next.signals[signal], 0, `${signal}, which factory.signals leaves out`)
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
