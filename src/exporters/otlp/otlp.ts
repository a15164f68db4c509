import type { Exporter, Host, Settings } from '../../component/component.js'
import type { Outcome } from '../../component/outcome.js'
import { type Batch, itemsOfSignal } from '../../data/batch.js'
import { deliveryPolicy } from '../../lib/delivery/config.js'
import { createDelivery, type Delivery } from '../../lib/delivery/delivery.js'
import { Intake, type Prepared } from '../../lib/delivery/intake.js'
import type { Joining } from '../../lib/delivery/picker.js'
import type { SendResult } from '../../lib/delivery/sender.js'
import { storageOf } from '../../lib/delivery/storage.js'
import { byMetadata, metadataKey } from '../../lib/otlp/by-metadata.js'
import { type EncodedRequest, joinRequests, OtlpEncoder, type RequestEncoder } from '../../lib/otlp/encode.js'
import { JsonEncoder } from '../../lib/otlp/encode-json.js'
import { checkIds } from '../../lib/otlp/ids.js'
import { agentScope } from '../../lib/otlp/scope.js'
import { storedRequests } from '../../lib/otlp/stored.js'
import { type Channels, openChannels } from './channels.js'
import type { Config } from './config.js'
import { requestAttributesOf } from './request-attributes.js'

/** Encodes once, queues the bytes, delivers them with retry. */
export function createOtlpExporter(settings: Settings, config: Config): Exporter {
  return new OtlpExporter(settings, config)
}

type State =
  | { readonly kind: 'new' }
  | { readonly kind: 'running'; readonly channels: Channels; readonly host: Host }
  | { readonly kind: 'stopped' }

/** Spans are told of when something is over, and are looked at later: nobody waits for one. */
const kSpansMs = 1000
/**
 * A collection of 1000 units goes in three. gRPC servers take 4 MiB unless told otherwise, but a proxy in front of one that speaks HTTP may not:
 * nginx takes 1 MiB (client_max_body_size).
 */
const kMaxJoinedBytes = 768 * 1024

class OtlpExporter implements Exporter {
  readonly #settings: Settings
  readonly #config: Config
  readonly #encoder: RequestEncoder
  readonly #delivery: Delivery<EncodedRequest>
  readonly #intake: Intake<EncodedRequest>
  readonly #invalidIds: (add: number) => void
  /** Requests of which a try was begun. */
  readonly #tried = new WeakSet<EncodedRequest>()
  #state: State = { kind: 'new' }

  constructor(settings: Settings, config: Config) {
    this.#settings = settings
    this.#config = config
    this.#encoder = config.encoding === 'json' ? new JsonEncoder(agentScope()) : new OtlpEncoder(agentScope())
    const { clock, random, telemetry, logger } = settings
    this.#invalidIds = telemetry.counter('invalid_ids', 'Trace and span IDs left out: they are none')
    this.#delivery = createDelivery({
      policy: deliveryPolicy(config.sending_queue, config.retry, config.circuit_breaker),
      send: (request, signal) => this.#send(request, signal),
      clock,
      random,
      telemetry,
      logger,
      signalsOf: ({ signal, items }) => itemsOfSignal(signal, items),
      laneOf,
      tracing: { signalOf: ({ signal }) => signal, attributesOf: requestAttributesOf(config) },
      joining: joiningOf(config.sending_queue.request_interval),
      storage: storageOf(settings, config.sending_queue, storedRequests),
      onHealth: (trouble) => this.#report(trouble),
    })
    this.#intake = new Intake(this.#delivery, (batch) => this.#prepare(batch))
  }

  async start(host: Host): Promise<void> {
    if (this.#state.kind !== 'new') return
    const channels = await openChannels(this.#config, this.#settings)
    this.#state = { kind: 'running', channels, host }
    await this.#delivery.start()
    host.report({ state: 'ok' })
  }

  consume(batch: Batch): Promise<Outcome> {
    return this.#intake.take(batch)
  }

  #prepare(batch: Batch): Prepared<EncodedRequest> {
    const checked = checkIds(batch)
    const accepted = (): void => {
      if (checked.lostSpans > 0) this.#settings.telemetry.dropped({ traces: checked.lostSpans }, 'invalid_id')
      if (checked.omitted > 0) this.#invalidIds(checked.omitted)
    }
    return { parcels: this.#encode(checked.batch), accepted }
  }

  /** Requests of the records of each tenant, for their headers are of a whole request. */
  #encode(batch: Batch): readonly EncodedRequest[] {
    const parts = byMetadata(batch)
    const [only] = parts
    if (parts.length === 1 && only?.metadata === undefined) return this.#encoder.encode(batch)
    return parts.flatMap(({ metadata, batch: part }) =>
      this.#encoder.encode(part).map((request) => (metadata === undefined ? request : { ...request, metadata })),
    )
  }

  #send(request: EncodedRequest, signal: AbortSignal): Promise<SendResult> {
    // Of an earlier try that ended without an answer the bytes may be on their way still, on a connection of its own: its
    // memory must stay what it was, whatever becomes of this one.
    const first = !this.#tried.has(request)
    this.#tried.add(request)
    return this.#channels.export(request, signal, () => {
      if (first) this.#encoder.giveBack(request)
    })
  }

  async shutdown(): Promise<void> {
    await this.#delivery.shutdown()
    if (this.#state.kind === 'running') await this.#state.channels.close()
    this.#state = { kind: 'stopped' }
  }

  /** Senders run between start and the end of the delivery's shutdown only. */
  get #channels(): Channels {
    if (this.#state.kind !== 'running') throw new Error('a request was sent outside start and shutdown')
    return this.#state.channels
  }

  #report(trouble: string | undefined): void {
    if (this.#state.kind !== 'running') return
    this.#state.host.report(trouble === undefined ? { state: 'ok' } : { state: 'degraded', reason: trouble })
  }
}

/** What may be joined. */
function laneOf({ signal, encoding, metadata }: EncodedRequest): string {
  const lane = encoding === 'proto' ? signal : `${signal}/json`
  return metadata === undefined ? lane : lane + metadataKey(metadata)
}

function joiningOf(intervalMs: number): Joining<EncodedRequest> | undefined {
  if (intervalMs === 0) return undefined
  const spansMs = Math.max(intervalMs, kSpansMs)
  return {
    intervalMs: ({ signal }) => (signal === 'traces' ? spansMs : intervalMs),
    maxBytes: kMaxJoinedBytes,
    join: joinRequests,
  }
}
