import type { ConfigOf, ObjectSchema } from '../../component/schema.js'
import { ruleSchema } from '../../lib/matching/record-rule.js'

export const schema = {
  type: 'object',
  description: 'Passes or drops events, metric points and spans by rules.',
  properties: {
    kinds: {
      type: 'array',
      items: { type: 'string', enum: ['event', 'metric', 'span'], description: 'Kind of record.' },
      minItems: 1,
      maxItems: 3,
      default: ['event', 'metric', 'span'],
      description: 'Kinds of record the rules apply to; the others pass untouched.',
    },
    include: {
      type: 'array',
      items: ruleSchema,
      maxItems: 200,
      default: [],
      description: 'Rules, one of which a record must match to pass. Empty: all pass.',
    },
    exclude: {
      type: 'array',
      items: ruleSchema,
      maxItems: 200,
      default: [],
      description: 'Rules that drop what they match; they win over `include`.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
