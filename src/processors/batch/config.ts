import type { ConfigOf, ObjectSchema } from '../../component/schema.js'

export const schema = {
  type: 'object',
  description: 'Joins small batches into larger ones.',
  properties: {
    timeout: {
      type: 'string',
      format: 'duration',
      default: '0s',
      description:
        'Longest time an item waits for others. With `0s` none does; what was made of a batch on its way here still goes with it, and what comes while one is being sent goes together in the next.',
    },
    send_batch_size: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      default: 2048,
      description:
        'Items (events, spans, metric points) at which a batch is sent before `timeout`. What is sent is encoded in one go, and nothing else runs meanwhile.',
    },
    send_batch_max_size: {
      type: 'integer',
      minimum: 0,
      maximum: 1_000_000,
      default: 0,
      description:
        'No batch sent has more items; larger ones are split. 0 sets no limit; otherwise at least `send_batch_size`.',
    },
    max_held_items: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000_000,
      default: 65_536,
      description: 'Items held at most, waiting or being sent; above it the senders of more have to wait.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
