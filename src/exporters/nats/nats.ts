import { createHash } from 'node:crypto'
import type { Exporter, Host, Settings } from '../../component/component.js'
import type { Outcome } from '../../component/outcome.js'
import { type Batch, isEmpty, itemsOfSignal } from '../../data/batch.js'
import { deliveryPolicy } from '../../lib/delivery/config.js'
import { createDelivery, type Delivery } from '../../lib/delivery/delivery.js'
import { Intake, type Prepared } from '../../lib/delivery/intake.js'
import type { Joining } from '../../lib/delivery/picker.js'
import type { SendResult } from '../../lib/delivery/sender.js'
import { storageOf } from '../../lib/delivery/storage.js'
import { NatsLink, serversText } from '../../lib/nats/link.js'
import { subjectOf } from '../../lib/nats/stream.js'
import { type EncodedRequest, joinRequests, OtlpEncoder } from '../../lib/otlp/encode.js'
import { checkIds } from '../../lib/otlp/ids.js'
import { agentScope } from '../../lib/otlp/scope.js'
import { storedRequests } from '../../lib/otlp/stored.js'
import type { Config } from './config.js'
import { halvesOf } from './halves.js'
import { isUnheard, resultOfError, unlessAborted } from './publish-result.js'

/** Encodes once, queues the bytes, publishes them until the stream has confirmed each. */
export function createNatsExporter(settings: Settings, config: Config): Exporter {
  return new NatsExporter(settings, config)
}

type State =
  | { readonly kind: 'new' }
  | { readonly kind: 'running'; readonly link: NatsLink; readonly host: Host }
  | { readonly kind: 'stopped' }

class NatsExporter implements Exporter {
  readonly #settings: Settings
  readonly #config: Config
  readonly #encoder = new OtlpEncoder(agentScope())
  readonly #delivery: Delivery<EncodedRequest>
  readonly #intake: Intake<EncodedRequest>
  readonly #invalidIds: (add: number) => void
  readonly #duplicates: (add: number) => void
  readonly #hostName: string
  /** As they are told. */
  readonly #servers: string
  #state: State = { kind: 'new' }

  constructor(settings: Settings, config: Config) {
    this.#settings = settings
    this.#config = config
    const { clock, random, telemetry, logger, resources } = settings
    this.#servers = serversText(config.servers)
    this.#hostName = String(resources.host['host.name'] ?? '')
    this.#duplicates = telemetry.counter('duplicates', 'Messages that the stream had already, from an earlier try')
    this.#invalidIds = telemetry.counter('invalid_ids', 'Trace and span IDs left out: they are none')
    this.#delivery = createDelivery({
      policy: deliveryPolicy(config.sending_queue, config.retry, config.circuit_breaker),
      send: (request, signal) => this.#publish(request, signal),
      clock,
      random,
      telemetry,
      logger,
      signalsOf: ({ signal, items }) => itemsOfSignal(signal, items),
      laneOf: ({ signal }) => signal,
      tracing: {
        signalOf: ({ signal }) => signal,
        attributesOf: (signal) => ({
          'messaging.system': 'nats',
          'messaging.operation.type': 'send',
          'messaging.destination.name': subjectOf(config.subject, signal, this.#hostName),
        }),
      },
      joining: joiningOf(config),
      storage: storageOf(settings, config.sending_queue, storedRequests),
      onHealth: (trouble) => this.#report(trouble),
    })
    this.#intake = new Intake(this.#delivery, (batch) => this.#prepare(batch))
  }

  async start(host: Host): Promise<void> {
    if (this.#state.kind !== 'new') return
    const link = await NatsLink.open(this.#config, this.#settings)
    this.#state = { kind: 'running', link, host }
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

  async shutdown(): Promise<void> {
    await this.#delivery.shutdown()
    const state = this.#state
    this.#state = { kind: 'stopped' }
    if (state.kind === 'running') await state.link.close()
  }

  /** A record larger than a message goes as it is: the server says what it thinks of it. */
  #encode(batch: Batch): readonly EncodedRequest[] {
    const requests = this.#encoder.encode(batch)
    if (requests.every(({ byteLength }) => byteLength <= this.#config.max_message_size)) return requests
    const halves = halvesOf(batch)
    if (halves === undefined) return requests
    for (const request of requests) this.#encoder.giveBack(request)
    return halves.flatMap((half) => (isEmpty(half) ? [] : this.#encode(half)))
  }

  async #publish(request: EncodedRequest, signal: AbortSignal): Promise<SendResult> {
    if (this.#state.kind !== 'running') throw new Error('a message was published outside start and shutdown')
    const { subject, timeout } = this.#config
    const published = this.#state.link.line().then(async ({ client, isUp, ensureStream }): Promise<SendResult> => {
      // The client would keep it, and each further try of it, until it is connected again.
      if (!isUp) return { kind: 'retryable', reason: `not connected to ${this.#servers}` }
      const bytes = Buffer.concat(request.chunks)
      const to = subjectOf(subject, request.signal, this.#hostName)
      const ack = await client.publish(to, bytes, { msgID: idOf(bytes), timeout, retries: 0 }).catch(async (error) => {
        // No stream takes the subject: somebody has deleted ours, and the next try finds it made again.
        if (isUnheard(error)) await ensureStream()
        throw error
      })
      if (ack.duplicate) this.#duplicates(1)
      return { kind: 'delivered' }
    })
    return await unlessAborted(
      published.catch((error: unknown) => resultOfError(error, this.#servers)),
      signal,
    )
  }

  #report(trouble: string | undefined): void {
    if (this.#state.kind !== 'running') return
    this.#state.host.report(trouble === undefined ? { state: 'ok' } : { state: 'degraded', reason: trouble })
  }
}

/** The same for the same bytes, also after a restart: by it the stream knows what it has (Nats-Msg-Id). */
function idOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64url')
}

/** Past this a larger message saves nothing more. */
const kMaxJoinedBytes = 256 * 1024

function joiningOf({ sending_queue, max_message_size }: Config): Joining<EncodedRequest> | undefined {
  const { request_interval } = sending_queue
  if (request_interval === 0) return undefined
  return {
    intervalMs: () => request_interval,
    maxBytes: Math.min(kMaxJoinedBytes, max_message_size),
    join: joinRequests,
  }
}
