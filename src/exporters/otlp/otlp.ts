import type { Exporter, Host, Settings } from '../../component/component.js'
import { type Outcome, ok } from '../../component/outcome.js'
import { type Batch, isEmpty } from '../../data/batch.js'
import { deliveryPolicy } from '../../lib/delivery/config.js'
import { createDelivery, type Delivery } from '../../lib/delivery/delivery.js'
import { type EncodedRequest, OtlpEncoder } from '../../lib/otlp/encode.js'
import { agentScope } from '../../lib/otlp/scope.js'
import type { Config } from './config.js'
import { type GrpcChannel, openGrpcChannel } from './grpc-channel.js'

/** Encodes once, queues the bytes, delivers them with retry. */
export function createOtlpExporter(settings: Settings, config: Config): Exporter {
  return new OtlpExporter(settings, config)
}

type State =
  | { readonly kind: 'new' }
  | { readonly kind: 'running'; readonly channel: GrpcChannel; readonly host: Host }
  | { readonly kind: 'stopped' }

class OtlpExporter implements Exporter {
  readonly #settings: Settings
  readonly #config: Config
  readonly #encoder = new OtlpEncoder(agentScope())
  readonly #delivery: Delivery<EncodedRequest>
  #state: State = { kind: 'new' }

  constructor(settings: Settings, config: Config) {
    this.#settings = settings
    this.#config = config
    const { clock, random, telemetry, logger } = settings
    this.#delivery = createDelivery({
      policy: deliveryPolicy(config.sending_queue, config.retry),
      send: (request, signal) => this.#channel.export(request, signal),
      clock,
      random,
      telemetry,
      logger,
      onHealth: (trouble) => this.#report(trouble),
    })
  }

  async start(host: Host): Promise<void> {
    if (this.#state.kind !== 'new') return
    const channel = await openGrpcChannel(this.#config, this.#settings)
    this.#state = { kind: 'running', channel, host }
    this.#delivery.start()
    host.report({ state: 'ok' })
  }

  async consume(batch: Batch): Promise<Outcome> {
    return isEmpty(batch) ? ok : this.#delivery.offer(this.#encoder.encode(batch))
  }

  async shutdown(): Promise<void> {
    await this.#delivery.shutdown()
    if (this.#state.kind === 'running') this.#state.channel.close()
    this.#state = { kind: 'stopped' }
  }

  /** Senders run between start and the end of the delivery's shutdown only. */
  get #channel(): GrpcChannel {
    if (this.#state.kind !== 'running') throw new Error('a request was sent outside start and shutdown')
    return this.#state.channel
  }

  #report(trouble: string | undefined): void {
    if (this.#state.kind !== 'running') return
    this.#state.host.report(trouble === undefined ? { state: 'ok' } : { state: 'degraded', reason: trouble })
  }
}
