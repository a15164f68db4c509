import type { AddressInfo } from 'node:net'
import type { Consumer, Host, Receiver, Settings } from '../../component/component.js'
import { GrpcServer } from '../../lib/grpc/server.js'
import { parseListenAddress } from '../../lib/openmetrics/listen-address.js'
import { ByteBudget } from '../../util/byte-budget.js'
import { listenTrouble } from '../../util/listen-trouble.js'
import type { Config } from './config.js'
import { grpcMethods } from './grpc.js'
import { Intake } from './intake.js'

export interface OtlpReceiver extends Receiver {
  /** Where it listens, while it does. */
  readonly grpcAddress: AddressInfo | undefined
}

/** Serves OTLP. A request is answered with what the pipeline answered, so OK means what `consume` means by it. */
export function createOtlpReceiver(settings: Settings, config: Config, next: Consumer): OtlpReceiver {
  return new Server(settings, config, next)
}

class Server implements OtlpReceiver {
  readonly #settings: Settings
  readonly #config: Config
  readonly #intake: Intake
  readonly #budget: ByteBudget
  #grpc: GrpcServer | undefined

  constructor(settings: Settings, config: Config, next: Consumer) {
    this.#settings = settings
    this.#config = config
    this.#intake = new Intake(settings, next)
    this.#budget = new ByteBudget(config.max_requests_size)
    const { telemetry } = settings
    telemetry.gauge('connections', 'Connections open.', '{connection}', () => this.#grpc?.connections ?? 0)
    telemetry.gauge('held_bytes', 'Of requests not answered yet.', 'By', () => this.#budget.held)
  }

  get grpcAddress(): AddressInfo | undefined {
    return this.#grpc?.address
  }

  async start(host: Host): Promise<void> {
    const { telemetry, logger } = this.#settings
    const refused = telemetry.counter('requests_refused', 'Requests answered with an error.')
    const connectionsRefused = telemetry.counter('connections_refused', 'Connections ended for want of room.')
    const { grpc } = this.#config.protocols
    if (grpc !== undefined)
      this.#grpc = await GrpcServer.listen({
        ...this.#place(grpc.endpoint),
        methods: grpcMethods(this.#intake),
        allows: () => true,
        maxMessageBytes: this.#config.max_request_size,
        budget: this.#budget,
        maxConnections: this.#config.max_connections,
        clock: this.#settings.clock,
        onRefusal: () => refused(1),
        onConnectionRefused: () => connectionsRefused(1),
        onFailure: (error) => {
          telemetry.error('internal_error')
          logger.error('a bug: a request could not be handled', { error })
        },
      }).catch((error: NodeJS.ErrnoException) => {
        const { host: name, port } = this.#place(grpc.endpoint)
        throw new Error(listenTrouble(error, name, port))
      })
    logger.info('OTLP is taken', { grpc: grpc?.endpoint })
    host.report({ state: 'ok' })
  }

  async shutdown(): Promise<void> {
    const grpc = this.#grpc
    this.#grpc = undefined
    await grpc?.close()
  }

  #place(endpoint: string): { readonly host: string; readonly port: number } {
    const address = parseListenAddress(endpoint)
    if ('reason' in address) throw new Error(`endpoint ${address.reason}`)
    return { host: address.host, port: address.port }
  }
}
