import { createConnection, isIP, type Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { type HttpProxy, tunnel } from './proxy.js'

/** Where a server is. */
export type Address =
  | { readonly path: string }
  /** `host` without brackets. */
  | { readonly host: string; readonly port: number }

export interface Tls {
  /** Asked for at each connection: it may be another one by then. */
  readonly context: SecureContext
  /** Name to expect in the certificate when it differs from the host. */
  readonly serverName?: string | undefined
  /** Told when the certificate ends that a server has shown and that was accepted. */
  onServerCertificate?(validTo: string | undefined): void
}

export interface SocketOptions {
  readonly address: Address
  /** Without it the connection is plain text. */
  readonly tls?: Tls | undefined
  readonly proxy?: HttpProxy | undefined
  /** What is spoken over TLS, by the name it has there (ALPN, RFC 7301). */
  readonly protocol: 'h2' | 'http/1.1'
}

/**
 * Begins to connect. Whether it works is told by the events of what is returned, which is destroyed when `signal` aborts.
 * Rejects when a proxy does not let it through.
 */
export async function openSocket(options: SocketOptions, signal: AbortSignal): Promise<Socket> {
  const { tls } = options
  const wire = tls === undefined ? await openPlain(options, signal) : await openSecure(options, tls, signal)
  const abort = (): void => void wire.destroy(signal.reason as Error)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return (
    wire
      .once('close', () => signal.removeEventListener('abort', abort))
      // node:http2 (20.20) leaves a TLS socket open that got an alert after its handshake, and says nothing to anybody.
      .once('error', (error) => setImmediate(() => wire.destroy(error)))
  )
}

async function openPlain(options: SocketOptions, signal: AbortSignal): Promise<Socket> {
  return (await openTunnel(options, signal)) ?? createConnection(whereOf(options.address))
}

async function openSecure(options: SocketOptions, tls: Tls, signal: AbortSignal): Promise<Socket> {
  const { context, serverName } = tls
  const { address, protocol } = options
  const { checkServerIdentity, connect } = await import('node:tls')
  const socket = await openTunnel(options, signal)
  const expected = serverName ?? ('path' in address ? 'localhost' : address.host)
  const wire = connect({
    ...(socket === undefined ? whereOf(address) : { socket }),
    // An address is no name that could be asked for (RFC 6066, section 3), but it may stand in a certificate.
    ...(isIP(expected) === 0 ? { servername: expected } : {}),
    checkServerIdentity: (_, certificate) => checkServerIdentity(expected, certificate),
    ALPNProtocols: [protocol],
    secureContext: context,
  })
  return wire.once('secureConnect', () => tls.onServerCertificate?.(wire.getPeerCertificate().valid_to))
}

function whereOf(address: Address): { path: string } | { host: string; port: number; noDelay: true } {
  // A request is one write and ought to be one packet; nothing is gained by waiting for more.
  return 'path' in address ? { path: address.path } : { host: address.host, port: address.port, noDelay: true }
}

/** A way through the proxy, where there is one to use. */
async function openTunnel({ address, proxy }: SocketOptions, signal: AbortSignal): Promise<Socket | undefined> {
  if (proxy === undefined || 'path' in address) return undefined
  const { host, port } = address
  return (await tunnel(proxy, `${isIP(host) === 6 ? `[${host}]` : host}:${port}`, signal)).setNoDelay()
}

/** Where a name has several addresses, Node tells their failures together, without words of its own. */
export function reasonOf(error: Error): string {
  return error instanceof AggregateError ? error.errors.map((one) => (one as Error).message).join(', ') : error.message
}
