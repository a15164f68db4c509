import type { ConfigOf, ObjectSchema } from '../../component/schema.js'
import { headerFileProperties } from '../../lib/credentials/request-headers.js'
import { circuitBreakerSchema, retrySchema, sendingQueueSchema } from '../../lib/delivery/config.js'
import { clientTlsProperties } from '../../lib/tls/schema.js'

export const schema = {
  type: 'object',
  description:
    'Sends events, metrics and spans to an OTLP server over gRPC or HTTP (OpenTelemetry Collector, Jaeger, any backend).',
  properties: {
    endpoint: {
      type: 'string',
      minLength: 1,
      description:
        'The server: `host:4317`, `http://host:4317` (plain text), `https://host:4317` or `unix:/path`; over HTTP also with a path, above `/v1/logs`. Without a scheme TLS is used, except to this machine.',
    },
    endpoints: {
      type: 'array',
      minItems: 1,
      maxItems: 8,
      items: { type: 'string', minLength: 1, description: 'As `endpoint`.' },
      description: 'Several servers instead of `endpoint`; headers, TLS and proxy are the same for all.',
    },
    strategy: {
      type: 'string',
      enum: ['failover', 'round_robin'],
      default: 'failover',
      description:
        'Of several endpoints: `failover` sends to the first that is not away, and goes back to it; `round_robin` to one after the other.',
    },
    protocol: {
      type: 'string',
      enum: ['grpc', 'http'],
      default: 'grpc',
      description: 'OTLP/gRPC (mostly port 4317) or OTLP/HTTP (mostly port 4318).',
    },
    encoding: {
      type: 'string',
      enum: ['proto', 'json'],
      default: 'proto',
      description:
        'Over HTTP: protobuf, or JSON for servers that take nothing else; it takes more bytes and more work.',
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
        ...clientTlsProperties,
      },
    },
    headers: {
      type: 'object',
      description: 'Sent with each request, e.g. an API key. Values are never logged.',
      maxProperties: 64,
      default: {},
      additionalProperties: { type: 'string', format: 'secret', maxLength: 8192, description: 'Header value.' },
    },
    ...headerFileProperties,
    proxy_url: {
      type: 'string',
      format: 'secret',
      minLength: 1,
      description:
        'HTTP proxy to connect by (CONNECT): `http://[user:password@]host:port`. The environment (`https_proxy`) is not asked.',
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

/** All servers, the preferred one first. */
export function endpointsOf({ endpoint, endpoints }: Pick<Config, 'endpoint' | 'endpoints'>): readonly string[] {
  return endpoints ?? (endpoint === undefined ? [] : [endpoint])
}
