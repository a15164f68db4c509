import type { ConfigOf, ObjectSchema } from '../../component/schema.js'
import { unitNames } from '../../lib/matching/names-schema.js'

export const schema = {
  type: 'object',
  description: 'Learns what is normal for each unit, and finds what is not.',
  properties: {
    baseline_period: {
      type: 'string',
      format: 'duration',
      default: '24h',
      description:
        'How long a unit is watched until its normal counts as known. Before, from the first hour on, only what is much further out is told of.',
    },
    false_alarms_per_week: {
      type: 'number',
      minimum: 0.0001,
      maximum: 10,
      default: 0.1,
      description: 'How often a healthy unit may be told of, on average; less on hosts with many units.',
    },
    max_alarms_per_week: {
      type: 'number',
      minimum: 0.1,
      maximum: 10_000,
      default: 20,
      description:
        'Of all units together: each finding makes the bar higher for the next, until as many a week are told of in the long run.',
    },
    include: unitNames('Units to look at; empty for all.', []),
    exclude: unitNames('Units not to look at; wins over `include`. A slice is the sum of what lies in it.', [
      '*.slice',
    ]),
    max_units: {
      type: 'integer',
      minimum: 1,
      maximum: 4096,
      default: 2048,
      description:
        'Units remembered, 4 KB each; past it the one that was heard of longest ago is forgotten, and counted.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
