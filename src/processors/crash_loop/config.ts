import type { ConfigOf, ObjectSchema } from '../../component/schema.js'

export const schema = {
  type: 'object',
  description: 'Finds units that crash again and again.',
  properties: {
    threshold: {
      type: 'integer',
      minimum: 2,
      maximum: 1000,
      default: 3,
      description: 'Crashes within `window` that make a crash loop. A run that failed and was restarted is one crash.',
    },
    window: {
      type: 'string',
      format: 'duration',
      default: '5m',
      description: 'How close together they must be: the last less than this after the first. It slides.',
    },
    recovery: {
      type: 'string',
      format: 'duration',
      description: 'Time without a crash after which the loop is over. Default: `window`.',
    },
    max_units: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 4096,
      description: 'Units remembered; past it the one that was quiet for longest is forgotten, and counted.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
