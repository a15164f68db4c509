/**
 * Names that are not the user's: what each request says of itself, and what speaks of one connection, with which HTTP/2
 * refuses the request (RFC 9113, section 8.2.2).
 */
const reservedHeaders: ReadonlySet<string> = new Set([
  ...[
    'accept-encoding',
    'content-encoding',
    'content-length',
    'content-type',
    'expect',
    'host',
    'te',
    'trailer',
    'user-agent',
  ],
  ...['connection', 'http2-settings', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'],
])

/** Names of gRPC metadata (PROTOCOL-HTTP2.md), and of HTTP as well; `grpc-` is reserved and `-bin` values are binary. */
export function headerNameComplaint(name: string): string | undefined {
  if (!/^[0-9a-z_.-]{1,128}$/.test(name) || name.startsWith('grpc-') || name.endsWith('-bin'))
    return 'is not a gRPC header name: lower case letters, digits, "_", "-", "."; not grpc-* and not *-bin'
  return reservedHeaders.has(name) ? 'is set by gRPC or HTTP/2 itself and cannot be configured' : undefined
}
