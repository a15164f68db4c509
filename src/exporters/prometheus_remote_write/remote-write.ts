import type { Exporter, Host, Settings } from '../../component/component.js'
import { type Outcome, ok } from '../../component/outcome.js'
import { type Batch, countItems, isEmpty } from '../../data/batch.js'
import { totalOf } from '../../data/tally.js'
import { type Size, sizeOf } from '../../lib/delivery/bounded-queue.js'
import { deliveryPolicy } from '../../lib/delivery/config.js'
import { createDelivery, type Delivery } from '../../lib/delivery/delivery.js'
import type { SendResult } from '../../lib/delivery/sender.js'
import { storageOf } from '../../lib/delivery/storage.js'
import { checkIds } from '../../lib/otlp/ids.js'
import type { Timer } from '../../util/clock.js'
import type { Config } from './config.js'
import { joinParcels, parcelOf, type WriteParcel } from './parcel.js'
import { type Plan, Planner } from './planner.js'
import { storedParcels } from './stored-parcel.js'
import { openWriteChannel, type WriteChannel } from './write-channel.js'
import { OrderedWriting } from './write-in-order.js'

/** Makes samples of points, queues them compressed, and writes them in order, with retry. */
export function createRemoteWriteExporter(settings: Settings, config: Config): Exporter {
  return new RemoteWriteExporter(settings, config)
}

/** How often it is looked for series that have ended. */
const kUpkeepMs = 10_000
/** Some 12,000 samples, compressed (decision 0305). */
const kMaxJoinedBytes = 256 * 1024

type State =
  | { readonly kind: 'new' }
  | { readonly kind: 'running'; readonly channel: WriteChannel; readonly host: Host; readonly upkeep: Timer }
  | { readonly kind: 'stopped' }

class RemoteWriteExporter implements Exporter {
  readonly #settings: Settings
  readonly #config: Config
  readonly #planner: Planner
  readonly #delivery: Delivery<WriteParcel>
  readonly #invalidIds: (add: number) => void
  /** What refused batches measured; their bytes are not kept, for memory is what is scarce then. */
  readonly #refused = new WeakMap<Batch, Size>()
  /** How far the tries of a request have come. */
  readonly #writing = new WeakMap<WriteParcel, OrderedWriting>()
  #state: State = { kind: 'new' }
  /** The plan that is being answered, and those that wait to be made. */
  #turn: Promise<unknown> = Promise.resolve()
  #overflowing = false

  constructor(settings: Settings, config: Config) {
    this.#settings = settings
    this.#config = config
    const { clock, random, telemetry, logger } = settings
    this.#invalidIds = telemetry.counter('invalid_ids', 'Trace and span IDs left out: they are none')
    telemetry.gauge('series', 'Series held', '{series}', () => this.#planner.series)
    const limits = { maxSeries: config.max_series, expirationMs: config.metric_expiration }
    this.#planner = new Planner(clock, limits, Object.entries(config.external_labels))
    const queue = { ...config.sending_queue, concurrency: 1 }
    const { hostname, port, protocol } = new URL(config.endpoint)
    const server = {
      'http.request.method': 'POST',
      'server.address': hostname,
      'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
    }
    this.#delivery = createDelivery({
      policy: deliveryPolicy(queue, config.retry, config.circuit_breaker),
      send: (parcel, signal) => this.#send(parcel, signal),
      clock,
      random,
      telemetry,
      logger,
      signalsOf: ({ signals }) => signals,
      joining:
        queue.request_interval === 0
          ? undefined
          : { intervalMs: () => queue.request_interval, maxBytes: kMaxJoinedBytes, join: joinParcels },
      // Events are written as counts of them.
      storage: storageOf(settings, queue, storedParcels(Math.floor(random() * 2 ** 32))),
      tracing: { signalOf: () => 'metrics', attributesOf: () => server },
      onHealth: (trouble) => this.#report(trouble),
    })
  }

  async start(host: Host): Promise<void> {
    if (this.#state.kind !== 'new') return
    const channel = await openWriteChannel(this.#config, this.#settings)
    const upkeep = this.#settings.clock.every(kUpkeepMs, () => void this.#inTurn(() => this.#tellWhatEnded()))
    this.#state = { kind: 'running', channel, host, upkeep }
    await this.#delivery.start()
    host.report({ state: 'ok' })
  }

  consume(batch: Batch): Promise<Outcome> {
    return isEmpty(batch) ? Promise.resolve(ok) : this.#inTurn(() => this.#take(batch))
  }

  /** A plan is answered before the next one is made, and a disk takes its time. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {})
    return done
  }

  async #take(offered: Batch): Promise<Outcome> {
    const refusal = this.#delivery.refusalOf(this.#refused.get(offered) ?? { items: countItems(offered), bytes: 0 })
    if (refusal !== undefined) return refusal
    const { batch, omitted } = checkIds(offered)
    const plan = this.#planner.plan(batch)
    const parcels = totalOf(plan.items) === 0 ? [] : [parcelOf(plan.items, plan.request)]
    const outcome = await this.#delivery.hold(parcels)
    if (outcome.kind === 'retryable') {
      this.#planner.undo()
      this.#refused.set(offered, sizeOf(parcels))
      return outcome
    }
    this.#planner.taken()
    // Not before: a batch that is offered again is counted once (decision 0060).
    this.#countLosses(plan)
    if (omitted > 0) this.#invalidIds(omitted)
    return outcome
  }

  async shutdown(): Promise<void> {
    if (this.#state.kind === 'running') this.#state.upkeep.cancel()
    await this.#turn
    await this.#delivery.shutdown()
    if (this.#state.kind === 'running') await this.#state.channel.close()
    this.#state = { kind: 'stopped' }
  }

  async #tellWhatEnded(): Promise<void> {
    const request = this.#planner.planUpkeep()
    if (request === undefined) return
    // No items of anybody: where there is no room it is said later.
    const parcel = parcelOf({}, request)
    const hasRoom = this.#delivery.refusalOf(sizeOf([parcel])) === undefined
    if (hasRoom && (await this.#delivery.hold([parcel])).kind === 'ok') this.#planner.taken()
    else this.#planner.undo()
  }

  async #send(parcel: WriteParcel, signal: AbortSignal): Promise<SendResult> {
    if (this.#state.kind !== 'running') throw new Error('a request was sent outside start and shutdown')
    const { channel } = this.#state
    let writing = this.#writing.get(parcel)
    if (writing === undefined) {
      writing = new OrderedWriting(parcel)
      this.#writing.set(parcel, writing)
    }
    return await writing.try((body) => channel.write(body, signal))
  }

  #countLosses({ outOfOrder, overLimit, notShown }: Plan): void {
    const { telemetry, logger } = this.#settings
    telemetry.dropped({ metrics: outOfOrder }, 'out_of_order')
    telemetry.dropped({ metrics: notShown }, 'not_shown')
    if (totalOf(overLimit) === 0) return
    telemetry.dropped(overLimit, 'series_limit')
    if (this.#overflowing) return
    this.#overflowing = true
    logger.error('more series than max_series: new ones are dropped', {
      max_series: this.#config.max_series,
      hint: 'filter units or attributes before this exporter, or raise max_series',
    })
  }

  #report(trouble: string | undefined): void {
    if (this.#state.kind !== 'running') return
    this.#state.host.report(trouble === undefined ? { state: 'ok' } : { state: 'degraded', reason: trouble })
  }
}
