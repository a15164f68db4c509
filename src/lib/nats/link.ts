import { isIP } from 'node:net'
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import type { Authenticator, NatsConnection } from '@nats-io/transport-node'
import type { Settings } from '../../component/component.js'
import { packageVersion } from '../../util/package.js'
import { SecretFiles } from '../credentials/secret-files.js'
import { TlsFiles, type TlsOptions } from '../tls/tls-files.js'
import type { NatsConfig } from './config.js'
import { ensureStream } from './stream.js'

/** From asking to the server's greeting, TLS and login included. */
const kConnectMs = 5000
/** Between tries of the client to find a server again, 50 % to 150 % of it, so that a fleet does not come in step. */
const kReconnectMs = 1000
/** A server that says nothing for so long, twice, is gone. */
const kPingMs = 20_000

/** Of up to 16 servers; more than these in a status are no help to whoever reads it. */
const kNamedServers = 3

/** Which servers, for a status. Their URLs hold no user: `checkNats` refuses one. */
export function serversText(servers: readonly string[]): string {
  const rest = servers.length - kNamedServers
  return `${servers.slice(0, kNamedServers).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

/** A connection that works, to a stream that is there. */
export interface Line {
  readonly connection: NatsConnection
  readonly client: JetStreamClient
  readonly manager: JetStreamManager
  /** False while the client looks for a server again. */
  readonly isUp: boolean
  /** Makes the stream again: one that was deleted while we were connected. As `ensureStream`. */
  ensureStream(): Promise<void>
}

/** Connects when it is asked for, and again when the connection has ended for good. */
export class NatsLink {
  readonly #config: NatsConfig
  readonly #settings: Settings
  readonly #secrets: SecretFiles
  readonly #tls: TlsFiles
  #line: Promise<Line> | undefined
  #isClosed = false

  /** Reads the files of credentials and TLS; rejects, naming key and path, when one cannot be used: it never could work. */
  static async open(config: NatsConfig, settings: Settings): Promise<NatsLink> {
    const { credentials, tls } = config
    const { creds_file, nkey_file, token_file, password_file } = credentials
    const files = { creds: creds_file, nkey: nkey_file, token: token_file, password: password_file }
    const given = Object.entries(files).filter((entry): entry is [string, string] => entry[1] !== undefined)
    const keyOf = (name: string): string => `credentials.${name}_file`
    const secrets = await SecretFiles.open(Object.fromEntries(given), { ...settings, keyOf })
    try {
      const paths = { caFile: tls.ca_file, certFile: tls.cert_file, keyFile: tls.key_file }
      return new NatsLink(config, settings, secrets, await TlsFiles.open(paths, settings))
    } catch (error) {
      await secrets.close()
      throw error
    }
  }

  private constructor(config: NatsConfig, settings: Settings, secrets: SecretFiles, tls: TlsFiles) {
    this.#config = config
    this.#settings = settings
    this.#secrets = secrets
    this.#tls = tls
  }

  /** The connection; rejects when there is none now, with a reason to tell. One try at a time, whoever asks. */
  line(): Promise<Line> {
    if (this.#isClosed) return Promise.reject(new Error('shutting down'))
    if (this.#line === undefined) {
      const line = this.#connect()
      this.#line = line
      const forget = (): void => {
        if (this.#line === line) this.#line = undefined
      }
      line.then(({ connection }) => connection.closed().then(forget), forget)
    }
    return this.#line
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const line = await this.#line?.catch(() => undefined)
    await line?.connection.close()
    await Promise.all([this.#secrets.close(), this.#tls.close()])
  }

  async #connect(): Promise<Line> {
    const { connect, jetstream, jetstreamManager } = await import('./client.js')
    const { servers } = this.#config
    const connection = await connect({
      servers: [...servers],
      name: `unitscope/${packageVersion()}`,
      authenticator: await this.#authenticator(),
      ...(this.#wantsTls() ? { tls: { ...pemTexts(this.#tls.options), ...this.#expectedName() } } : {}),
      timeout: kConnectMs,
      pingInterval: kPingMs,
      maxReconnectAttempts: -1,
      reconnectDelayHandler: () => kReconnectMs * (0.5 + this.#settings.random()),
      ignoreAuthErrorAbort: true,
    })
    let isUp = true
    this.#watch(connection, (up) => {
      isUp = up
    })
    try {
      const manager = await jetstreamManager(connection)
      await ensureStream(manager, this.#config)
      return {
        connection,
        client: jetstream(connection),
        manager,
        get isUp() {
          return isUp
        },
        ensureStream: () => ensureStream(manager, this.#config),
      }
    } catch (error) {
      await connection.close()
      throw error
    }
  }

  #wantsTls(): boolean {
    const { servers, tls } = this.#config
    return servers.some((server) => server.startsWith('tls://')) || Object.keys(tls).length > 0
  }

  /** The client checks the name of a server, but none of one that is named by its address. */
  #expectedName(): Record<string, string> {
    const { servers, tls } = this.#config
    if (tls.server_name !== undefined) return { servername: tls.server_name }
    const hosts = new Set(servers.map((server) => new URL(server).hostname.replace(/^\[|\]$/g, '')))
    const [only] = hosts
    return hosts.size === 1 && isIP(only!) !== 0 ? { host: only! } : {}
  }

  /** Secrets as they are at each login. */
  async #authenticator(): Promise<Authenticator[]> {
    const nats = await import('./client.js')
    const { creds_file, nkey_file, token_file, user } = this.#config.credentials
    const secret = (name: string): string => this.#secrets.values.get(name) ?? ''
    const bytes = (name: string) => (): Uint8Array => Buffer.from(secret(name).trim())
    if (creds_file !== undefined) return [nats.credsAuthenticator(bytes('creds'))]
    if (nkey_file !== undefined) return [nats.nkeyAuthenticator(bytes('nkey'))]
    if (token_file !== undefined) return [nats.tokenAuthenticator(() => secret('token'))]
    if (user !== undefined) return [nats.usernamePasswordAuthenticator(user, () => secret('password'))]
    return []
  }

  async #watch(connection: NatsConnection, onChange: (isUp: boolean) => void): Promise<void> {
    const { logger } = this.#settings
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') {
        onChange(false)
        logger.warn('the connection to NATS has ended; looking for a server again', { server: status.server })
      } else if (status.type === 'reconnect') {
        onChange(true)
        logger.info('connected to NATS again', { server: status.server })
      }
    }
  }
}

/** The client copies what it is given, key by key: bytes would not stay bytes. */
function pemTexts({ ca, cert, key, minVersion }: TlsOptions): Record<string, string> {
  const texts = Object.entries({ ca, cert, key }).filter(([, bytes]) => bytes !== undefined)
  const pairs = texts.map(([name, bytes]) => [name, Buffer.from(bytes as Uint8Array).toString('utf8')])
  return { ...Object.fromEntries(pairs), minVersion: String(minVersion) }
}
