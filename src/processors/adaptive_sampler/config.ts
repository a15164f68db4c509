import type { ConfigOf, ObjectSchema } from '../../component/schema.js'

export const schema = {
  type: 'object',
  description: 'Thins out routine records of units that send too many, so that rates can still be told.',
  properties: {
    records_per_second: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000_000,
      default: 1000,
      description:
        'Routine records (state changes, log lines, spans that did not fail) that pass per second, of all units together. While fewer come, all pass.',
    },
    burst: {
      type: 'integer',
      minimum: 2,
      maximum: 1_000_000,
      default: 200,
      description:
        'Records by which one unit may go beyond its share of that at once. From half of it on its records are thinned out, the more the less is left.',
    },
    max_units: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      default: 10_000,
      description: 'Units followed; past it the one heard of longest ago is forgotten, and begins with a whole burst.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
