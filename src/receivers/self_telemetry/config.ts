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
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
