import type { ConfigOf, ObjectSchema } from '../../component/schema.js'

export const schema = {
  type: 'object',
  description: "The agent's own numbers.",
  properties: {
    collection_interval: {
      type: 'string',
      format: 'duration',
      default: '10s',
      description: 'How often the numbers are read, from 1s to 1h. The first reading is made at start.',
    },
    error_threshold: {
      type: 'integer',
      minimum: 0,
      maximum: 1_000_000,
      default: 5,
      description:
        'Errors of one component within `error_window` at which `unitscope.component.degraded` is told; one lost item is enough. `0` tells of nothing.',
    },
    error_window: {
      type: 'string',
      format: 'duration',
      default: '1m',
      description: 'The time in which errors are counted together, from 1s to 1h; at least a `collection_interval`.',
    },
    traces: {
      type: 'object',
      description:
        'Spans of what the agent does: requests that exporters send, batches that `batch` sends. Delivered at each `collection_interval` by the pipelines of this receiver that carry traces.',
      properties: {
        sampling_ratio: {
          type: 'number',
          minimum: 0,
          maximum: 1,
          default: 0,
          description: 'The share of operations that are traced, from 0 (off) to 1 (all).',
        },
      },
      default: {},
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
