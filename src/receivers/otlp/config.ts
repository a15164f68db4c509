import type { ConfigComplaint } from '../../component/component.js'
import type { ConfigOf, ObjectSchema } from '../../component/schema.js'
import { parseListenAddress } from '../../lib/openmetrics/listen-address.js'

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
    insecure_bind: {
      type: 'boolean',
      default: false,
      description:
        'Allows to listen beyond loopback without TLS: everyone who reaches the port can send and listen in.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>

export function check(config: Config): readonly ConfigComplaint[] {
  const complaints: ConfigComplaint[] = []
  const { grpc } = config.protocols
  if (grpc === undefined) complaints.push({ path: ['protocols'], reason: 'names no protocol: write `grpc: {}`' })
  for (const [name, protocol] of Object.entries({ grpc })) {
    if (protocol === undefined) continue
    const path = ['protocols', name, 'endpoint']
    const address = parseListenAddress(protocol.endpoint)
    if ('reason' in address) complaints.push({ path, reason: address.reason })
    else if (!address.loopback && !config.insecure_bind)
      complaints.push({
        path,
        reason: `${protocol.endpoint} can be reached from other machines and has no TLS; if that is meant, set insecure_bind: true`,
      })
  }
  if (config.max_request_size < 1024) complaints.push({ path: ['max_request_size'], reason: 'must be at least 1KiB' })
  if (config.max_requests_size < 2 * config.max_request_size)
    complaints.push({
      path: ['max_requests_size'],
      reason: 'must be at least twice max_request_size: a compressed request is held beside what is in it',
    })
  return complaints
}
