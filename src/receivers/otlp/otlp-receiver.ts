import type { AddressInfo } from 'node:net'
import type { Consumer, Host, Receiver, Settings } from '../../component/component.js'
import { GrpcServer } from '../../lib/grpc/server.js'
import { parseListenAddress } from '../../lib/openmetrics/listen-address.js'
import { TlsFiles } from '../../lib/tls/tls-files.js'
import { ByteBudget } from '../../util/byte-budget.js'
import { listenTrouble } from '../../util/listen-trouble.js'
import { type Access, metadataReader, openAccess } from './access.js'
import type { Config } from './config.js'
import { grpcMethods } from './grpc.js'
import type { HttpEndpoint } from './http.js'
import { Intake } from './intake.js'

export interface OtlpReceiver extends Receiver {
  /** Where it listens, while it does. */
  readonly grpcAddress: AddressInfo | undefined
  readonly httpAddress: AddressInfo | undefined
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
  #access: Access | undefined
  #tls: TlsFiles | undefined
  #grpc: GrpcServer | undefined
  #http: HttpEndpoint | undefined

  constructor(settings: Settings, config: Config, next: Consumer) {
    this.#settings = settings
    this.#config = config
    this.#intake = new Intake(settings, next)
    this.#budget = new ByteBudget(config.max_requests_size)
    const { telemetry } = settings
    const connections = () => (this.#grpc?.connections ?? 0) + (this.#http?.connections ?? 0)
    telemetry.gauge('connections', 'Connections open.', '{connection}', connections)
    telemetry.gauge('held_bytes', 'Of requests not answered yet.', 'By', () => this.#budget.held)
  }

  get grpcAddress(): AddressInfo | undefined {
    return this.#grpc?.address
  }

  get httpAddress(): AddressInfo | undefined {
    return this.#http?.address
  }

  async start(host: Host): Promise<void> {
    try {
      await this.#listen()
    } catch (error) {
      await this.shutdown() // of two servers one may listen already
      throw error
    }
    host.report({ state: 'ok' })
  }

  async shutdown(): Promise<void> {
    const open = [this.#grpc, this.#http, this.#tls, this.#access]
    this.#grpc = this.#http = this.#tls = this.#access = undefined
    await Promise.all(open.map((one) => one?.close()))
  }

  async #listen(): Promise<void> {
    const { grpc, http } = this.#config.protocols
    const { telemetry, logger, clock } = this.#settings
    this.#access = await openAccess(this.#config.token_file, this.#settings)
    const tls = await this.#openTls()
    const refused = telemetry.counter('requests_refused', 'Requests answered with an error.')
    const connectionsRefused = telemetry.counter('connections_refused', 'Connections ended for want of room.')
    const metadataOf = metadataReader(this.#config.include_metadata)
    const common = {
      ...(tls === undefined ? {} : { tls }),
      allows: this.#access.allows,
      budget: this.#budget,
      maxConnections: this.#config.max_connections,
      onRefusal: () => refused(1),
      onConnectionRefused: () => connectionsRefused(1),
      onFailure: (error: unknown) => {
        telemetry.error('internal_error')
        logger.error('a bug: a request could not be handled', { error })
      },
    }
    const size = this.#config.max_request_size
    if (grpc !== undefined) {
      const methods = grpcMethods(this.#intake, metadataOf)
      this.#grpc = await this.#at(grpc.endpoint, (place) =>
        GrpcServer.listen({ ...common, ...place, methods, maxMessageBytes: size, clock }),
      )
    }
    if (http !== undefined) {
      const { HttpEndpoint } = await import('./http.js')
      const own = { intake: this.#intake, metadataOf, maxRequestBytes: size }
      this.#http = await this.#at(http.endpoint, (place) => HttpEndpoint.listen({ ...common, ...place, ...own }))
    }
    if (tls === undefined && [grpc, http].some((one) => one !== undefined && !isLocal(one.endpoint)))
      logger.warn('OTLP is taken without TLS from other machines: everyone who reaches the port can send and listen in')
    logger.info('OTLP is taken', { grpc: grpc?.endpoint, http: http?.endpoint })
  }

  async #openTls() {
    const { tls } = this.#config
    if (tls === undefined) return undefined
    const paths = {
      certFile: tls.cert_file,
      keyFile: tls.key_file,
      caFile: tls.client_ca_file,
      caKey: 'client_ca_file',
    }
    this.#tls = await TlsFiles.open(paths, this.#settings, (options) => {
      this.#grpc?.setTls(options)
      this.#http?.setTls(options)
    })
    const mutual = tls.client_ca_file !== undefined
    return { ...this.#tls.options, requestCert: mutual, rejectUnauthorized: mutual }
  }

  async #at<T>(endpoint: string, listen: (place: { host: string; port: number }) => Promise<T>): Promise<T> {
    const address = parseListenAddress(endpoint)
    if ('reason' in address) throw new Error(`endpoint ${address.reason}`)
    const { host, port } = address
    try {
      return await listen({ host, port })
    } catch (error) {
      throw new Error(listenTrouble(error as NodeJS.ErrnoException, host, port))
    }
  }
}

function isLocal(endpoint: string): boolean {
  const address = parseListenAddress(endpoint)
  return 'loopback' in address && address.loopback
}
