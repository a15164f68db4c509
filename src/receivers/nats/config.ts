import type { ConfigComplaint } from '../../component/component.js'
import type { ConfigOf, ObjectSchema } from '../../component/schema.js'
import { checkNats, natsProperties } from '../../lib/nats/config.js'

export const schema = {
  type: 'object',
  description: 'Takes events, metrics and spans from NATS JetStream, where agents (`nats` exporter) published them.',
  properties: {
    ...natsProperties,
    consumer: {
      type: 'string',
      pattern: '^[A-Za-z0-9_-]+$',
      form: 'a name of letters, digits, "_" and "-"',
      maxLength: 64,
      default: 'unitscope-gateway',
      description: 'Durable consumer. Gateways with one name share the messages; it is made when it is not there.',
    },
    max_ack_pending: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
      default: 64,
      description:
        'Messages delivered and not acknowledged, of all gateways together. What a killed gateway can have delivered twice, and with the size of messages the memory it takes.',
    },
    ack_wait: {
      type: 'string',
      format: 'duration',
      default: '30s',
      description:
        'From 1s on; after so long without a sign of life the message is delivered again, maybe to another gateway.',
    },
    max_message_size: {
      type: 'string',
      format: 'size',
      default: '4MiB',
      description: 'Larger messages are given up, counted.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>

export function check(config: Config): readonly ConfigComplaint[] {
  const complaints = [...checkNats(config)]
  if (config.ack_wait < 1000 || config.ack_wait > 3_600_000)
    complaints.push({ path: ['ack_wait'], reason: 'must be from 1s to 1h' })
  if (config.max_message_size < 1024) complaints.push({ path: ['max_message_size'], reason: 'must be at least 1KiB' })
  return complaints
}
