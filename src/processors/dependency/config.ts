import type { ConfigOf, ObjectSchema } from '../../component/schema.js'

export const schema = {
  type: 'object',
  description: "Says of each failure which unit's failure it comes from, and which units it reaches.",
  properties: {
    dependency_depth: {
      type: 'integer',
      minimum: 1,
      maximum: 16,
      default: 3,
      description: 'Steps between units that are followed, towards the cause as well as towards what is hit.',
    },
    window: {
      type: 'string',
      format: 'duration',
      default: '30s',
      description:
        'A unit that fails by itself within this time after one that it relies on, and that is still down, fails because of it. 0s: only what systemd itself stopped or did not start has a cause.',
    },
    max_listed_units: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 20,
      description: 'Names in each list of an event; `systemd.unit.impact.count` counts the others, too.',
    },
    max_units: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 4096,
      description: 'Failures remembered; past it the oldest is forgotten, and counted.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
