import type { ConfigComplaint } from '../../component/component.js'
import type { ConfigOf, ObjectSchema } from '../../component/schema.js'
import { headerComplaints, headerFileProperties } from '../../lib/credentials/request-headers.js'
import { checkSendingQueue, circuitBreakerSchema, retrySchema, sendingQueueSchema } from '../../lib/delivery/config.js'
import { clientTlsProperties } from '../../lib/tls/schema.js'

// Samples of one series must arrive in order, so requests follow each other.
const { concurrency: _, ...queueProperties } = sendingQueueSchema.properties
/** Compressed, a sample is some 20 bytes: `max_bytes` is what fills up. */
const kMaxItems = 2_000_000

export const schema = {
  type: 'object',
  description:
    'Writes metrics, and counts of events, to a Prometheus, Mimir, Thanos or VictoriaMetrics (remote write 1.0).',
  required: ['endpoint'],
  properties: {
    endpoint: {
      type: 'string',
      pattern: '^https?://',
      form: 'a URL such as https://prometheus.example.com/api/v1/write',
      maxLength: 2048,
      description: 'URL to write to, e.g. `https://prometheus.example.com/api/v1/write`.',
    },
    tls: {
      type: 'object',
      description: 'How a connection by `https://` is protected.',
      default: {},
      properties: clientTlsProperties,
    },
    headers: {
      type: 'object',
      description: 'Sent with each request, e.g. `Authorization` or `X-Scope-OrgID`. Values are never logged.',
      maxProperties: 64,
      default: {},
      additionalProperties: { type: 'string', format: 'secret', maxLength: 8192, description: 'Header value.' },
    },
    ...headerFileProperties,
    external_labels: {
      type: 'object',
      description:
        'Added to each series that does not have such a label. `instance` is the host name where it is not said here.',
      maxProperties: 32,
      default: { job: 'unitscope' },
      additionalProperties: { type: 'string', maxLength: 1024, description: 'Label value.' },
    },
    timeout: {
      type: 'string',
      format: 'duration',
      default: '30s',
      description: 'A try that takes longer is ended and repeated.',
    },
    metric_expiration: {
      type: 'string',
      format: 'duration',
      default: '5m',
      description:
        'A series without an update for so long has ended, and the server is told; longer than the slowest collection interval, at least `2m`. One that came regularly ends after four of its turns.',
    },
    max_series: {
      type: 'integer',
      minimum: 1,
      maximum: 5_000_000,
      default: 100_000,
      description: 'Series known at most; what comes beyond is dropped and counted (reason `series_limit`).',
    },
    sending_queue: {
      ...sendingQueueSchema,
      properties: { ...queueProperties, max_items: { ...queueProperties.max_items, default: kMaxItems } },
    },
    retry: retrySchema,
    circuit_breaker: circuitBreakerSchema,
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>

/** What each request says of itself, and what speaks of one connection. */
const reservedHeaders: ReadonlySet<string> = new Set([
  ...['connection', 'content-encoding', 'content-length', 'content-type', 'expect', 'host', 'keep-alive'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade', 'user-agent', 'x-prometheus-remote-write-version'],
])

const kMinExpirationMs = 120_000

export function check(config: Config): readonly ConfigComplaint[] {
  const complaints: ConfigComplaint[] = []
  const complain = (path: ConfigComplaint['path'], reason: string): void => void complaints.push({ path, reason })
  const url = parsed(config.endpoint)
  if (url === null) complain(['endpoint'], 'is not a URL such as https://prometheus.example.com/api/v1/write')
  else {
    if (url.username !== '' || url.password !== '')
      complain(['endpoint'], 'a user name or password has no place in it: use headers (Authorization) or header_files')
    if (url.hash !== '') complain(['endpoint'], 'has a part behind # that a server is never sent')
    if (url.protocol === 'http:' && Object.keys(config.tls).length > 0)
      complain(['tls'], 'contradicts http:// in endpoint')
  }
  if ((config.tls.cert_file === undefined) !== (config.tls.key_file === undefined))
    complain(['tls'], 'cert_file and key_file go together')
  for (const { path, reason } of headerComplaints(config, headerNameComplaint)) complain(path, reason)
  for (const name of Object.keys(config.external_labels))
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) || name.startsWith('__'))
      complain(
        ['external_labels', name],
        'is not a label name: letters, digits and "_", not beginning with a digit or "__"',
      )
  for (const { path, reason } of checkSendingQueue({ ...config.sending_queue, concurrency: 1 }))
    complain(['sending_queue', ...path], reason)
  if (config.timeout < 1) complain(['timeout'], 'must be at least 1ms')
  if (config.metric_expiration < kMinExpirationMs) complain(['metric_expiration'], 'must be at least 2m')
  return complaints
}

function headerNameComplaint(name: string): string | undefined {
  if (!/^[0-9A-Za-z!#$%&'*+.^_`|~-]{1,128}$/.test(name)) return 'is not an HTTP header name'
  return reservedHeaders.has(name.toLowerCase()) ? 'is set by the exporter itself and cannot be configured' : undefined
}

/** URL.parse is of Node 22. */
function parsed(text: string): URL | null {
  try {
    return new URL(text)
  } catch {
    return null
  }
}
