import type { SignalParser } from '../../binding/signal-source.js'
import type { ComponentTelemetry } from '../../component/telemetry.js'

/** Brings the component's own counters up to those of the parser, which only grow. */
export class SignalCounters {
  readonly #telemetry: ComponentTelemetry
  readonly #parser: Pick<SignalParser, 'stats'>
  readonly #messages: (add: number) => void
  readonly #suppressed: (add: number) => void
  #past = { messages: 0, suppressed: 0, rejected: {} as Readonly<Record<string, number>> }

  constructor(telemetry: ComponentTelemetry, parser: Pick<SignalParser, 'stats'>) {
    this.#telemetry = telemetry
    this.#parser = parser
    this.#messages = telemetry.counter('signal_messages', 'D-Bus messages read from the recording.')
    this.#suppressed = telemetry.counter('signals_suppressed', 'Signals that repeated what was known.')
  }

  update(): void {
    const { messages, suppressed, rejected } = this.#parser.stats()
    this.#messages(messages - this.#past.messages)
    this.#suppressed(suppressed - this.#past.suppressed)
    for (const [reason, count] of Object.entries(rejected)) {
      for (let one = this.#past.rejected[reason] ?? 0; one < count; one++) this.#telemetry.error(reason)
    }
    this.#past = { messages, suppressed, rejected }
  }
}
