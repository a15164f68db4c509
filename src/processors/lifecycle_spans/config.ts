import type { ConfigOf, ObjectSchema } from '../../component/schema.js'

export const schema = {
  type: 'object',
  description: 'Makes a trace of every run of a unit.',
  properties: {
    unit_types: {
      type: 'array',
      items: {
        type: 'string',
        pattern: '^[a-z]+$',
        form: 'a suffix in lower-case letters, such as service',
        maxLength: 16,
        description: 'Suffix of unit names, without the dot.',
      },
      minItems: 1,
      maxItems: 16,
      default: ['service'],
      description: 'Types of unit whose runs become traces.',
    },
    max_units: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 4096,
      description:
        'Units whose current run is remembered; past it the one heard of least recently is forgotten, and counted.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
