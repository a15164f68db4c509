import type { ComponentTelemetry } from '../../component/telemetry.js'
import { undecidedReasons } from '../../lib/systemd/oom-losses.js'
import type { UnitTracker } from '../../lib/systemd/unit-tracker.js'
import { noSignals, type Watcher } from './watcher.js'

type Totals = ReturnType<Watcher['totals']>
const ofSignals = ['messages', 'dropped', 'suppressed', 'backpressure'] as const

/** Our counters of what the bus threads and the tracker count, whose own numbers only grow. */
export class SourceCounters {
  readonly #telemetry: ComponentTelemetry
  readonly #add: Readonly<Record<(typeof ofSignals)[number] | 'forgotten' | 'unattributed', (add: number) => void>>
  #counted: Totals = noSignals
  #forgotten = 0
  #unattributed = 0
  readonly #undecided = new Map<string, number>()

  constructor(telemetry: ComponentTelemetry) {
    this.#telemetry = telemetry
    this.#add = {
      messages: telemetry.counter('signal_messages', 'D-Bus messages read.'),
      dropped: telemetry.counter('signals_dropped', 'Signals lost to a full buffer; states are read again after each.'),
      suppressed: telemetry.counter('signals_suppressed', 'Signals that repeated what was known.'),
      backpressure: telemetry.counter('signals_backpressure', 'Times the buffer became fuller than its threshold.'),
      forgotten: telemetry.counter('units_forgotten', 'Unloaded units whose counts were given up for newer ones.'),
      unattributed: telemetry.counter(
        'oom_unattributed',
        'What the kernel told of kills for want of memory that no run of a unit could be found for.',
      ),
    }
  }

  /** @param totals - of the bus threads; undefined before there are any */
  bringUp({ forgotten, oom }: UnitTracker, totals: Totals | undefined): void {
    this.#add.forgotten(forgotten - this.#forgotten)
    this.#forgotten = forgotten
    this.#add.unattributed(oom.unattributed - this.#unattributed)
    this.#unattributed = oom.unattributed
    for (const why of undecidedReasons) {
      const kills = oom.undecided[why] - (this.#undecided.get(why) ?? 0)
      if (kills === 0) continue
      this.#undecided.set(why, oom.undecided[why])
      this.#telemetry.processed({ logs: kills })
      this.#telemetry.dropped({ logs: kills }, why)
    }
    if (totals === undefined) return
    for (const name of ofSignals) this.#add[name](totals[name] - this.#counted[name])
    for (const [reason, count] of Object.entries(totals.rejected)) {
      for (let one = this.#counted.rejected[reason] ?? 0; one < count; one++) this.#telemetry.error(reason)
    }
    this.#counted = totals
  }
}
