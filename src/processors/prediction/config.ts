import type { ConfigOf, ObjectSchema } from '../../component/schema.js'

export const schema = {
  type: 'object',
  description: 'Says what will run out, or fail again, and when.',
  properties: {
    max_horizon: {
      type: 'string',
      format: 'duration',
      default: '7d',
      description: 'What is farther away than this is not told of yet.',
    },
    min_horizon: {
      type: 'string',
      format: 'duration',
      default: '1m',
      description: 'Failures that follow each other faster than this are not predicted one by one.',
    },
    max_units: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 4096,
      description: 'Predictions that are open at a time; past it the one told longest ago is forgotten, and counted.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
