import { createConnection, isIP, type Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { proxyFor, tunnel } from './proxy.js'

/** Where a server is. */
export type Address =
  | { readonly path: string }
  /** `host` without brackets; `local`: never by way of a proxy. */
  | { readonly host: string; readonly port: number; readonly local: boolean }

export interface Tls {
  readonly context: SecureContext
  /** Name to expect in the certificate when it differs from the host. */
  readonly serverName?: string | undefined
}

/**
 * Begins to connect. Whether it works is told by the events of what is returned, which is destroyed when `signal` aborts.
 * Rejects when a proxy of the environment (`https_proxy` ...) does not let it through.
 */
export async function openSocket(address: Address, tls: Tls | undefined, signal: AbortSignal): Promise<Socket> {
  const wire = tls === undefined ? await openPlain(address, signal) : await openSecure(address, tls, signal)
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

async function openPlain(address: Address, signal: AbortSignal): Promise<Socket> {
  return (await openTunnel(address, signal)) ?? createConnection(whereOf(address))
}

async function openSecure(address: Address, { context, serverName }: Tls, signal: AbortSignal): Promise<Socket> {
  const { checkServerIdentity, connect } = await import('node:tls')
  const socket = await openTunnel(address, signal)
  const expected = serverName ?? ('path' in address ? 'localhost' : address.host)
  return connect({
    ...(socket === undefined ? whereOf(address) : { socket }),
    // An address is no name that could be asked for (RFC 6066, section 3), but it may stand in a certificate.
    ...(isIP(expected) === 0 ? { servername: expected } : {}),
    checkServerIdentity: (_, certificate) => checkServerIdentity(expected, certificate),
    ALPNProtocols: ['h2'],
    secureContext: context,
  })
}

function whereOf(address: Address): { path: string } | { host: string; port: number; noDelay: true } {
  // A request is one write and ought to be one packet; nothing is gained by waiting for more.
  return 'path' in address ? { path: address.path } : { host: address.host, port: address.port, noDelay: true }
}

/** A way through the proxy of the environment, where there is one to use. */
async function openTunnel(address: Address, signal: AbortSignal): Promise<Socket | undefined> {
  if ('path' in address || address.local) return undefined
  const { host, port } = address
  const proxy = proxyFor(host, process.env)
  return proxy && (await tunnel(proxy, `${isIP(host) === 6 ? `[${host}]` : host}:${port}`, signal)).setNoDelay()
}
