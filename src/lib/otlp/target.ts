import { isLoopback } from '../../util/loopback.js'

export type Protocol = 'grpc' | 'http'

/** Where a client connects. */
export interface Target {
  /** A host is without brackets. */
  readonly address: { readonly path: string } | { readonly host: string; readonly port: number }
  /** Loopback or a unix socket: nothing leaves the machine. */
  readonly local: boolean
  /** What requests call the server: `host:port`. */
  readonly authority: string
  /** Of OTLP/HTTP, what stands before `/v1/logs`: '' or `/a/b`. */
  readonly path: string
  /** What the endpoint's own form says of TLS; `tls.insecure` may override it, except for `https://`. */
  readonly tls: 'required' | 'default' | 'off'
}

/** gRPC has the same whatever the scheme; an HTTP URL without a port means that of its scheme (RFC 9110, section 4.2). */
const defaultPorts = {
  grpc: { none: 4317, http: 4317, https: 4317 },
  http: { none: 4318, http: 80, https: 443 },
} as const
const kMaxLength = 2048

const forms: Readonly<Record<Protocol, string>> = {
  grpc: 'is not host:port, http://host:port, https://host:port or unix:/path (OTLP/gRPC has no URL path)',
  http: 'is not http://host:port/path, https://host:port/path, host:port or unix:/path',
}

/**
 * Normalises an OTLP endpoint: `host:port`, `host`, `http://host:port`, `https://host:port`, `unix:/path`,
 * `unix:///path`; for HTTP with a path above `/v1/logs` and the like.
 *
 * `http://` means plain text, `https://` TLS; without a scheme it is TLS unless the host is loopback. A user name or a query
 * in it is refused rather than ignored, and so is a path for gRPC.
 */
export function parseTarget(endpoint: string, protocol: Protocol = 'grpc'): Target | { readonly reason: string } {
  if (endpoint.length === 0 || endpoint.length > kMaxLength) return { reason: 'is empty or too long' }
  const unix = /^unix:(?:\/\/)?(\/[^?#]*)$/.exec(endpoint)
  if (unix !== null) {
    // sun_path holds 108 bytes with the NUL (unix(7)).
    if (Buffer.byteLength(unix[1]!) > 107) return { reason: 'the socket path is longer than 107 bytes' }
    return { address: { path: unix[1]! }, local: true, authority: 'localhost', path: '', tls: 'off' }
  }
  if (endpoint.startsWith('unix:')) return { reason: 'a unix socket needs an absolute path: unix:/run/otel.sock' }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(endpoint)?.[1]?.toLowerCase()
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https')
    return { reason: `scheme "${scheme}" is not known: write host:4317, http://, https:// or unix:/path` }
  const rest = scheme === undefined ? endpoint : endpoint.slice(scheme.length + 3)
  if (rest.includes('@')) return { reason: 'a user name has no place in it: use headers' }
  const match = /^(\[[0-9a-f:.%]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?((?:\/[A-Za-z0-9_.~%+=,;:-]*)*)$/i.exec(rest)
  const path = (match?.[3] ?? '').replace(/\/+$/, '')
  if (match === null || (protocol === 'grpc' && path !== '')) return { reason: forms[protocol] }
  if (/\/v1\/(logs|metrics|traces)$/.test(path))
    return { reason: 'ends in the path of one signal, which is added by itself' }
  const port = Number(match[2] ?? defaultPorts[protocol][scheme ?? 'none'])
  if (port < 1 || port > 65_535) return { reason: `port ${match[2]} is not between 1 and 65535` }
  const host = match[1]!
  const local = isLoopback(host)
  const tls = scheme === 'https' ? 'required' : scheme === 'http' || local ? 'off' : 'default'
  const address = { host: host.replace(/^\[|\]$/g, ''), port }
  return { address, local, authority: `${host}:${port}`, path, tls }
}
