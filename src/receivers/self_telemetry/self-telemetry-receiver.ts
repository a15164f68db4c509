import type { Consumer, Host, Receiver, Settings } from '../../component/component.js'
import type { SpanSource } from '../../component/telemetry.js'
import { batchOf, itemsOf } from '../../data/batch.js'
import type { Metric } from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'
import { Outbox } from '../../lib/handover/outbox.js'
import type { Timer } from '../../util/clock.js'
import { changeEvent } from './change-event.js'
import { totalsOf } from './component-totals.js'
import type { Config } from './config.js'
import { readDisk } from './disk-metrics.js'
import { ErrorWatch } from './error-watch.js'
import { createProcessMetrics, type ProcessMetrics } from './process-metrics.js'

/** Emits the agent's own metrics at each interval; the first reading is made at start. */
export function createSelfTelemetryReceiver(settings: Settings, config: Config, next: Consumer): Receiver {
  return new SelfTelemetryReceiver(settings, config, next)
}

class SelfTelemetryReceiver implements Receiver {
  readonly #settings: Settings
  readonly #config: Config
  readonly #next: Consumer
  /** What is told once, and so is offered until it is taken. */
  readonly #outbox: Outbox
  readonly #errors: ErrorWatch | undefined
  readonly #windowMs: number
  #process: ProcessMetrics | undefined
  #traces: SpanSource | undefined
  #timer: Timer | undefined
  #reading: Promise<void> | undefined

  constructor(settings: Settings, config: Config, next: Consumer) {
    this.#settings = settings
    this.#config = config
    this.#next = next
    this.#outbox = new Outbox(settings, next)
    const { error_threshold: threshold } = config
    this.#windowMs = Math.max(config.error_window, config.collection_interval)
    this.#errors = threshold === 0 ? undefined : new ErrorWatch(this.#windowMs, threshold, settings.clock.monotonicMs())
  }

  async start(host: Host): Promise<void> {
    const { clock, selfTraces } = this.#settings
    const { sampling_ratio: ratio } = this.#config.traces
    if (ratio > 0) this.#traces = selfTraces?.(ratio)
    this.#process = createProcessMetrics(clock.unixNano() - BigInt(Math.round(process.uptime() * 1e9)))
    this.#timer = clock.every(this.#config.collection_interval, () => this.#tick())
    this.#tick()
    host.report({ state: 'ok' })
  }

  async shutdown(): Promise<void> {
    this.#timer?.cancel()
    this.#process?.close()
    await this.#reading
    this.#tellTraces()
    this.#traces?.close()
    this.#traces = undefined
    await this.#outbox.close()
  }

  #tick(): void {
    const { telemetry } = this.#settings
    this.#tellTraces()
    if (this.#reading !== undefined) {
      // The pipeline still holds the last reading; cumulative numbers lose nothing by waiting for the next.
      telemetry.error('interval_skipped')
      return
    }
    this.#reading = this.#read()
      .catch((error: unknown) => {
        telemetry.error('collect_failed')
        this.#settings.logger.warn('could not read the own metrics', { error })
      })
      .finally(() => {
        this.#reading = undefined
      })
  }

  async #read(): Promise<void> {
    const { clock, telemetry, selfMetrics } = this.#settings
    const started = clock.monotonicMs()
    const own = (await selfMetrics?.()) ?? []
    const resource = this.#resource()
    this.#tellErrors(own, resource)
    const metrics = [
      ...own,
      ...(this.#process?.read(resource, clock.unixNano()) ?? []),
      ...(await readDisk(this.#settings.stateDirectory, resource, clock.unixNano())),
    ]
    const batch = batchOf({ metrics })
    const items = itemsOf(batch)
    telemetry.processed(items)
    const outcome = await this.#next.consume(batch)
    if (outcome.kind === 'retryable') telemetry.dropped(items, 'refused')
    telemetry.durationMs(clock.monotonicMs() - started)
  }

  /** Of components that fail too often, and of those that no longer do. */
  #tellErrors(own: readonly Metric[], resource: Resource): void {
    const { clock } = this.#settings
    const changes = this.#errors?.look(totalsOf(own), clock.monotonicMs()) ?? []
    if (changes.length === 0) return
    const now = clock.unixNano()
    const events = changes.map((change) => changeEvent(change, this.#windowMs, resource, now))
    this.#outbox.push(batchOf({ events }))
  }

  /** Of what the agent has done since the last time. */
  #tellTraces(): void {
    const { spans, lost } = this.#traces?.take() ?? { spans: [], lost: 0 }
    if (lost > 0) {
      this.#settings.telemetry.produced({ traces: lost })
      this.#settings.telemetry.dropped({ traces: lost }, 'buffer_full')
    }
    this.#outbox.push(batchOf({ spans }))
  }

  /** The same entity as the agent's own metrics; made here only when those are not wired. */
  #resource(): Resource {
    return this.#settings.resources.intern('unitscope', () => ({
      'service.name': 'unitscope',
      ...this.#settings.resources.host,
    }))
  }
}
