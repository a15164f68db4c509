import type { ConfigOf, ObjectSchema } from '../../component/schema.js'

export const schema = {
  type: 'object',
  description: 'Finds units that fail at regular times.',
  properties: {
    false_alarm_rate: {
      type: 'number',
      minimum: 1e-9,
      maximum: 0.05,
      default: 0.0001,
      description:
        'Chance, at each failure of a unit that fails at random, that it is said to be regular; all periods tried are counted.',
    },
    max_jitter: {
      type: 'number',
      minimum: 0.001,
      maximum: 0.2,
      default: 0.15,
      description: 'Standard deviation of the intervals, as a share of the period, up to which they are regular.',
    },
    min_failures: {
      type: 'integer',
      minimum: 4,
      maximum: 64,
      default: 5,
      description: 'Failures before anything is said. A crash loop is one failure.',
    },
    max_units: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 4096,
      description:
        'Units with failures that are remembered; past it the one heard of longest ago is forgotten, and counted.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
