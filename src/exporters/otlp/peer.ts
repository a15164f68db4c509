import type { Settings } from '../../component/component.js'
import { openRequestHeaders, type RequestHeaders } from '../../lib/credentials/request-headers.js'
import { agentScope } from '../../lib/otlp/scope.js'
import { parseTarget, type Target } from '../../lib/otlp/target.js'
import { parseProxy } from '../../lib/sockets/proxy.js'
import type { SocketOptions } from '../../lib/sockets/socket.js'
import type { TlsFiles } from '../../lib/tls/tls-files.js'
import type { Clock } from '../../util/clock.js'
import { type Config, endpointsOf } from './config.js'

/** All that a client has to know of one server. */
export interface Peer extends Omit<SocketOptions, 'protocol'>, Omit<RequestHeaders, 'close'> {
  /** `host:port`. */
  readonly authority: string
  /** What stands before `/v1/logs`. */
  readonly path: string
  readonly userAgent: string
  readonly gzip: boolean
  readonly timeoutMs: number
  readonly clock: Clock
}

/** The servers of an exporter, with what they share: TLS files, headers, a proxy. */
export interface Peers {
  readonly list: readonly Peer[]
  close(): Promise<void>
}

/** Rejects when a file of certificates or secrets cannot be used: it never could work. */
export async function openPeers(config: Config, settings: Settings): Promise<Peers> {
  const targets = endpointsOf(config).map((endpoint) => targetOf(endpoint, config))
  const opened: { close(): Promise<void> }[] = []
  const close = async (): Promise<void> => void (await Promise.all(opened.map((one) => one.close())))
  try {
    const headers = await openRequestHeaders(config, settings)
    opened.push(headers)
    const tls = targets.some((target) => wantsTls(config, target)) ? await openTls(config, settings) : undefined
    if (tls !== undefined) opened.push(tls)
    return { list: targets.map((target) => peerOf(target, config, settings, headers, tls)), close }
  } catch (error) {
    await close()
    throw error
  }
}

function targetOf(endpoint: string, { protocol }: Config): Target {
  const target = parseTarget(endpoint, protocol)
  if ('reason' in target) throw new Error(`endpoint ${target.reason}`)
  return target
}

function peerOf(
  target: Target,
  config: Config,
  { clock }: Settings,
  { headers, secrets }: RequestHeaders,
  tls: TlsFiles | undefined,
): Peer {
  const proxy = config.proxy_url === undefined ? undefined : parseProxy(config.proxy_url)
  if (proxy !== undefined && 'reason' in proxy) throw new Error(`proxy_url ${proxy.reason}`)
  const { authority } = target
  return {
    address: target.address,
    authority,
    path: target.path,
    proxy,
    tls:
      tls === undefined || !wantsTls(config, target)
        ? undefined
        : {
            get context() {
              return tls.context
            },
            serverName: config.tls.server_name,
            onServerCertificate: (validTo) => tls.expiry.server(authority, validTo),
          },
    headers,
    secrets,
    userAgent: `${agentScope().name}/${agentScope().version}`,
    gzip: config.compression === undefined ? !target.local : config.compression === 'gzip',
    timeoutMs: config.timeout,
    clock,
  }
}

function wantsTls({ tls }: Config, target: Target): boolean {
  return target.tls === 'required' || (tls.insecure === undefined ? target.tls === 'default' : !tls.insecure)
}

async function openTls({ tls }: Config, settings: Settings): Promise<TlsFiles> {
  const { TlsFiles } = await import('../../lib/tls/tls-files.js')
  return TlsFiles.open({ caFile: tls.ca_file, certFile: tls.cert_file, keyFile: tls.key_file }, settings)
}
