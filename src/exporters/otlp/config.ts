import type { ConfigComplaint } from '../../component/component.js'
import type { ConfigOf, ObjectSchema } from '../../component/schema.js'
import { checkSendingQueue, circuitBreakerSchema, retrySchema, sendingQueueSchema } from '../../lib/delivery/config.js'
import { parseTarget } from '../../lib/otlp/target.js'

export const schema = {
  type: 'object',
  description: 'Sends events, metrics and spans to an OTLP/gRPC server (OpenTelemetry Collector, Jaeger, any backend).',
  required: ['endpoint'],
  properties: {
    endpoint: {
      type: 'string',
      minLength: 1,
      description:
        'The server: `host:4317`, `http://host:4317` (plain text), `https://host:4317` or `unix:/path`. Without a scheme TLS is used, except to this machine.',
    },
    tls: {
      type: 'object',
      description: 'How the connection is protected. By default the endpoint decides.',
      default: {},
      properties: {
        insecure: {
          type: 'boolean',
          description: '`true`: plain text, also to other machines; `false`: TLS, also to this machine.',
        },
        ca_file: {
          type: 'string',
          pattern: '^/',
          description: 'PEM file of the authorities to trust instead of the system ones; absolute path.',
        },
        cert_file: {
          type: 'string',
          pattern: '^/',
          description: 'PEM client certificate; absolute path. Needs `key_file`.',
        },
        key_file: { type: 'string', pattern: '^/', description: 'PEM private key; absolute path. Needs `cert_file`.' },
        server_name: {
          type: 'string',
          minLength: 1,
          description: 'Name to expect in the certificate when it differs from the host.',
        },
      },
    },
    headers: {
      type: 'object',
      description: 'Sent with each request, e.g. an API key. Values are never logged.',
      maxProperties: 64,
      default: {},
      additionalProperties: { type: 'string', format: 'secret', maxLength: 8192, description: 'Header value.' },
    },
    compression: {
      type: 'string',
      enum: ['gzip', 'none'],
      description:
        'By default `gzip`, and `none` to this machine, where it saves nothing and costs both ends. Requests below 8 KiB are never compressed.',
    },
    timeout: {
      type: 'string',
      format: 'duration',
      default: '10s',
      description: 'A try that takes longer is ended and repeated.',
    },
    sending_queue: sendingQueueSchema,
    retry: retrySchema,
    circuit_breaker: circuitBreakerSchema,
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>

/**
 * Names of gRPC metadata that are not the user's: what each request says of itself, and what speaks of one connection, with
 * which HTTP/2 refuses the request (RFC 9113, section 8.2.2).
 */
const reservedHeaders: ReadonlySet<string> = new Set([
  ...['content-length', 'content-type', 'host', 'te', 'user-agent'],
  ...['connection', 'http2-settings', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'],
])

export function check(config: Config): readonly ConfigComplaint[] {
  const complaints: ConfigComplaint[] = []
  const target = parseTarget(config.endpoint)
  if ('reason' in target) complaints.push({ path: ['endpoint'], reason: target.reason })
  else {
    if (target.tls === 'required' && config.tls.insecure === true)
      complaints.push({ path: ['tls', 'insecure'], reason: 'contradicts https:// in endpoint' })
    if (config.endpoint.startsWith('http://') && config.tls.insecure === false)
      complaints.push({ path: ['tls', 'insecure'], reason: 'contradicts http:// in endpoint' })
  }
  if ((config.tls.cert_file === undefined) !== (config.tls.key_file === undefined))
    complaints.push({ path: ['tls'], reason: 'cert_file and key_file go together' })
  for (const name of Object.keys(config.headers)) {
    // Names of gRPC metadata (PROTOCOL-HTTP2.md); `grpc-` is reserved and `-bin` values are binary.
    if (!/^[0-9a-z_.-]{1,128}$/.test(name) || name.startsWith('grpc-') || name.endsWith('-bin'))
      complaints.push({
        path: ['headers', name],
        reason: 'is not a gRPC header name: lower case letters, digits, "_", "-", "."; not grpc-* and not *-bin',
      })
    else if (reservedHeaders.has(name))
      complaints.push({ path: ['headers', name], reason: 'is set by gRPC or HTTP/2 itself and cannot be configured' })
    // The value itself stays out of the text: it is a secret.
    else if (!/^[\x20-\x7e]*$/.test(config.headers[name] ?? ''))
      complaints.push({ path: ['headers', name], reason: 'its value has characters outside printable ASCII' })
  }
  for (const { path, reason } of checkSendingQueue(config.sending_queue))
    complaints.push({ path: ['sending_queue', ...path], reason })
  if (config.timeout < 1) complaints.push({ path: ['timeout'], reason: 'must be at least 1ms' })
  return complaints
}
