import type { Consumer, Processor, Settings } from '../../../../src/component/component.js'
import { batchOf } from '../../../../src/data/batch.js'
import type { RawEvent } from '../../../../src/data/event.js'
import { attr, event as names } from '../../../../src/lib/systemd/names.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleEvent, sampleResource } from '../../../../src/testkit/sample.js'
import { type RecordingTelemetry, testSettings } from '../../../../src/testkit/test-settings.js'
import { expectPlain } from './mutated.js'

/** 2023-11-14 22:13:20 UTC, a Tuesday. */
export const kStoryStartMs = 1_700_000_000_000

const run = (n: number) => (n + 1).toString(16).padStart(32, '0')

/** What happens to units, told to a pattern's processor. Times are seconds after the start. */
export class UnitStory {
  readonly clock: FakeClock
  readonly settings: Settings
  readonly #exporter = new MemoryExporter()
  readonly #processor: Processor
  readonly #startMs: number
  #runs = 0
  #told: RawEvent[] = []

  constructor(
    create: (settings: Settings, next: Consumer) => Processor,
    part: Partial<Settings> = {},
    startMs = kStoryStartMs,
  ) {
    this.#startMs = startMs
    this.clock = new FakeClock(BigInt(startMs) * 1_000_000n)
    this.settings = testSettings('processor', 'pattern', { clock: this.clock, ...part })
    this.#processor = create(this.settings, this.#exporter)
  }

  started(atS: number, unit = 'a.service'): this {
    return this.event(names.started, atS, unit, this.#runs)
  }

  /** A run fails, and nothing follows by itself. */
  failed(atS: number, unit = 'a.service', how: RawEvent['attributes'] = {}): this {
    return this.event(names.failed, atS, unit, this.#runs++, { [attr.result]: 'exit-code', [attr.exitCode]: 3, ...how })
  }

  /** A run fails, and systemd starts the next one after `delayS`. */
  crashed(atS: number, delayS = 0.1, unit = 'a.service'): this {
    const auto = { [attr.restartCause]: 'auto', [attr.result]: 'exit-code', [attr.exitCode]: 3 }
    this.event(names.failed, atS, unit, this.#runs, { [attr.result]: 'exit-code', [attr.exitCode]: 3 })
    this.event(names.restarting, atS, unit, this.#runs++, auto)
    return this.event(names.restarted, atS + delayS, unit, this.#runs, { [attr.restartCause]: 'auto' })
  }

  /** A run ends in order, and is not started again. */
  stopped(atS: number, unit = 'a.service'): this {
    return this.event(names.stopped, atS, unit, this.#runs++, { [attr.result]: 'success' })
  }

  /** A line of the journal. */
  line(identifier: string, body: string, atS: number): this {
    const timeUnixNano = this.#nano(atS)
    const attributes = { [attr.journalIdentifier]: identifier }
    this.#told.push(sampleEvent({ name: '', timeUnixNano, body, attributes, resource: sampleResource('cron.service') }))
    return this
  }

  /** `systemctl restart`. */
  restarted(atS: number, unit = 'a.service'): this {
    this.event(names.restarting, atS, unit, this.#runs++, { [attr.restartCause]: 'manual' })
    return this.event(names.restarted, atS, unit, this.#runs, { [attr.restartCause]: 'manual' })
  }

  event(name: string, atS: number, unit: string, ofRun: number, attributes: RawEvent['attributes'] = {}): this {
    this.#told.push(
      sampleEvent({
        name,
        timeUnixNano: this.#nano(atS),
        resource: sampleResource(unit),
        attributes: { [attr.unit]: unit, [attr.invocationId]: run(ofRun), ...attributes },
      }),
    )
    return this
  }

  /** Hands on what was written, in order of time; then time goes on until `untilS`, if that is given. */
  async tell(untilS?: number): Promise<this> {
    const told = this.#told.sort((a, b) => Number(a.timeUnixNano - b.timeUnixNano))
    this.#told = []
    for (const event of told) await this.#processor.consume(batchOf({ events: [event] }))
    await settle()
    if (untilS !== undefined) {
      const lastNano = told.at(-1)?.timeUnixNano ?? 0n
      await this.clock.advance(untilS * 1000 + this.#startMs - Number(lastNano) / 1e6)
    }
    for (const finding of this.found) expectPlain(finding)
    return this
  }

  #nano(atS: number): bigint {
    return BigInt(Math.round((this.#startMs + atS * 1000) * 1000)) * 1000n
  }

  /** Units that were forgotten. */
  get evicted(): number {
    return (this.settings.telemetry as RecordingTelemetry).counters.get('units_evicted') ?? 0
  }

  get processor(): Processor {
    return this.#processor
  }

  /** Findings so far. */
  get found(): readonly RawEvent[] {
    return this.#exporter.events.filter(({ name }) => name.startsWith('pattern.'))
  }

  /** `detected a.service at 40`, one of each finding. */
  get summary(): readonly string[] {
    return this.found.map(({ name, attributes, timeUnixNano }) => {
      const atS = Math.round((Number(timeUnixNano) / 1e6 - this.#startMs) / 1000)
      return `${name.slice(name.lastIndexOf('.') + 1)} ${String(attributes[attr.unit])} at ${atS}`
    })
  }
}
