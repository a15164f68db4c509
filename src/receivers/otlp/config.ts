import type { ConfigComplaint } from '../../component/component.js'
import type { ConfigOf, ObjectSchema } from '../../component/schema.js'
import { parseListenAddress } from '../../lib/openmetrics/listen-address.js'

const secret = { type: 'string', format: 'secret_file', pattern: '^/', maxLength: 4096 } as const
const key = { ...secret, format: 'key_file' } as const
const certificate = { ...secret, format: 'certificate_file' } as const

export const schema = {
  type: 'object',
  description: 'Takes OTLP from other agents, collectors and programs; answers when the pipeline has taken it.',
  properties: {
    protocols: {
      type: 'object',
      default: { grpc: {} },
      description: 'What is served; only the protocols named here.',
      properties: {
        grpc: {
          type: 'object',
          description: 'OTLP over gRPC.',
          properties: {
            endpoint: {
              type: 'string',
              default: '127.0.0.1:4317',
              description: 'Address to listen on, `host:port`. Anything but loopback needs `insecure_bind: true`.',
            },
          },
        },
        http: {
          type: 'object',
          description: 'OTLP over HTTP, protobuf and JSON: `POST /v1/logs`, `/v1/metrics`, `/v1/traces`.',
          properties: {
            endpoint: {
              type: 'string',
              default: '127.0.0.1:4318',
              description: 'Address to listen on, as for gRPC.',
            },
          },
        },
      },
    },
    max_request_size: {
      type: 'string',
      format: 'size',
      default: '20MiB',
      description: 'Of one request, before and after decompression; larger ones are refused for good.',
    },
    max_requests_size: {
      type: 'string',
      format: 'size',
      default: '64MiB',
      description:
        'Of all requests that are being received or wait for the pipeline; beyond it, senders are told to try again.',
    },
    max_connections: {
      type: 'integer',
      minimum: 1,
      maximum: 65_536,
      default: 1024,
      description: 'When all are taken, the one that has been idle longest makes room.',
    },
    tls: {
      type: 'object',
      description: 'Encryption, for both protocols; files are read again when they change.',
      properties: {
        cert_file: { ...certificate, description: 'PEM file of the certificate, with those between it and the root.' },
        key_file: { ...key, description: 'PEM file of its key.' },
        client_ca_file: {
          ...certificate,
          description: 'PEM file of the authorities of clients. With it every client must show a certificate of them.',
        },
      },
      required: ['cert_file', 'key_file'],
    },
    token_file: {
      ...secret,
      description:
        'File with a token that every request must show as `authorization: Bearer TOKEN`; read again when it changes.',
    },
    include_metadata: {
      type: 'array',
      maxItems: 8,
      default: [],
      description:
        'Headers of requests to keep with their records, such as `x-scope-orgid`; the `otlp` exporter sends them on, each tenant in requests of its own.',
      items: {
        type: 'string',
        pattern: '^[a-z0-9][a-z0-9_.-]*$',
        form: 'a name of lower-case letters, digits, "_", "." and "-"',
        maxLength: 64,
        description: 'A name in lower case.',
      },
    },
    insecure_bind: {
      type: 'boolean',
      default: false,
      description:
        'Allows to listen beyond loopback without TLS: everyone who reaches the port can send and listen in.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>

/** What proves or frames a request is for this agent alone. */
const secretHeaders: ReadonlySet<string> = new Set([
  ...['authorization', 'cookie', 'proxy-authorization', 'host', 'te', 'connection', 'transfer-encoding', 'upgrade'],
  ...['content-type', 'content-length', 'content-encoding', 'user-agent', 'keep-alive', 'http2-settings'],
])

export function check(config: Config): readonly ConfigComplaint[] {
  const complaints: ConfigComplaint[] = []
  const { grpc, http } = config.protocols
  if (grpc === undefined && http === undefined)
    complaints.push({ path: ['protocols'], reason: 'names no protocol: write `grpc: {}` or `http: {}`' })
  for (const [name, protocol] of Object.entries({ grpc, http })) {
    if (protocol === undefined) continue
    const path = ['protocols', name, 'endpoint']
    const address = parseListenAddress(protocol.endpoint)
    if ('reason' in address) complaints.push({ path, reason: address.reason })
    else if (!address.loopback && config.tls === undefined && !config.insecure_bind)
      complaints.push({
        path,
        reason: `${protocol.endpoint} can be reached from other machines and has no TLS; if that is meant, set insecure_bind: true`,
      })
  }
  if (grpc !== undefined && grpc.endpoint === http?.endpoint)
    complaints.push({
      path: ['protocols', 'http', 'endpoint'],
      reason: 'is that of grpc, too: give it a port of its own',
    })
  for (const [at, name] of config.include_metadata.entries())
    if (secretHeaders.has(name) || name.startsWith('grpc-') || name.endsWith('-bin'))
      complaints.push({
        path: ['include_metadata', at],
        reason: 'is no name of whose the records are: it is a credential, or of the protocol',
      })
  if (config.max_request_size < 1024) complaints.push({ path: ['max_request_size'], reason: 'must be at least 1KiB' })
  if (config.max_requests_size < 2 * config.max_request_size)
    complaints.push({
      path: ['max_requests_size'],
      reason: 'must be at least twice max_request_size: a compressed request is held beside what is in it',
    })
  return complaints
}
