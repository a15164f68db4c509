import type { ConfigComplaint } from '../../component/component.js'
import type { ConfigOf, ObjectSchema } from '../../component/schema.js'
import { checkSendingQueue, circuitBreakerSchema, retrySchema, sendingQueueSchema } from '../../lib/delivery/config.js'
import { checkNats, natsProperties } from '../../lib/nats/config.js'

export const schema = {
  type: 'object',
  description:
    'Publishes events, metrics and spans to NATS JetStream, from which a gateway (`nats` receiver) takes them.',
  properties: {
    ...natsProperties,
    max_message_size: {
      type: 'string',
      format: 'size',
      default: '512KiB',
      description:
        "Batches are split so that no message is larger, from 16KiB on. Below the server's `max_payload` (1 MiB).",
    },
    timeout: {
      type: 'string',
      format: 'duration',
      default: '10s',
      description: 'A message that the server does not confirm for so long is published again.',
    },
    sending_queue: sendingQueueSchema,
    retry: retrySchema,
    circuit_breaker: circuitBreakerSchema,
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>

const kMinMessageBytes = 16 * 1024
/** `max_payload` of a server can be that much (docs.nats.io, "Configuration"). */
const kMaxMessageBytes = 64 * 1024 * 1024

export function check(config: Config): readonly ConfigComplaint[] {
  const complaints = [...checkNats(config)]
  for (const { path, reason } of checkSendingQueue(config.sending_queue))
    complaints.push({ path: ['sending_queue', ...path], reason })
  if (config.timeout < 1) complaints.push({ path: ['timeout'], reason: 'must be at least 1ms' })
  if (config.max_message_size < kMinMessageBytes || config.max_message_size > kMaxMessageBytes)
    complaints.push({ path: ['max_message_size'], reason: 'must be from 16KiB to 64MiB' })
  return complaints
}
