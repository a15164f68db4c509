import { isLoopback } from '../../util/loopback.js'

/** Where a gRPC client connects. */
export interface Target {
  /** A host is without brackets; `local`: loopback, nothing leaves the machine. */
  readonly address:
    | { readonly path: string }
    | { readonly host: string; readonly port: number; readonly local: boolean }
  /** What requests call the server: `host:port`. */
  readonly authority: string
  /** What the endpoint's own form says of TLS; `tls.insecure` may override it, except for `https://`. */
  readonly tls: 'required' | 'default' | 'off'
}

const kDefaultPort = '4317'
const kMaxLength = 2048

/**
 * Normalises an OTLP endpoint: `host:port`, `host`, `http://host:port`, `https://host:port`, `unix:/path`,
 * `unix:///path`.
 *
 * `http://` means plain text, `https://` TLS; without a scheme it is TLS unless the host is loopback. A user name, query
 * or path in it is refused rather than ignored.
 */
export function parseTarget(endpoint: string): Target | { readonly reason: string } {
  if (endpoint.length === 0 || endpoint.length > kMaxLength) return { reason: 'is empty or too long' }
  const unix = /^unix:(?:\/\/)?(\/[^?#]*)$/.exec(endpoint)
  if (unix !== null) {
    // sun_path holds 108 bytes with the NUL (unix(7)).
    if (Buffer.byteLength(unix[1]!) > 107) return { reason: 'the socket path is longer than 107 bytes' }
    return { address: { path: unix[1]! }, authority: 'localhost', tls: 'off' }
  }
  if (endpoint.startsWith('unix:')) return { reason: 'a unix socket needs an absolute path: unix:/run/otel.sock' }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(endpoint)?.[1]?.toLowerCase()
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https')
    return { reason: `scheme "${scheme}" is not known: write host:4317, http://, https:// or unix:/path` }
  const rest = scheme === undefined ? endpoint : endpoint.slice(scheme.length + 3)
  if (rest.includes('@')) return { reason: 'a user name has no place in it: use headers' }
  const match = /^(\[[0-9a-f:.%]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?\/?$/i.exec(rest)
  if (match === null)
    return { reason: 'is not host:port, http://host:port, https://host:port or unix:/path (OTLP/gRPC has no URL path)' }
  const port = Number(match[2] ?? kDefaultPort)
  if (port < 1 || port > 65_535) return { reason: `port ${match[2]} is not between 1 and 65535` }
  const host = match[1]!
  const local = isLoopback(host)
  const tls = scheme === 'https' ? 'required' : scheme === 'http' || local ? 'off' : 'default'
  return { address: { host: host.replace(/^\[|\]$/g, ''), port, local }, authority: `${host}:${port}`, tls }
}
