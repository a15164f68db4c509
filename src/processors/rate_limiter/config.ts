import type { ConfigOf, ObjectSchema } from '../../component/schema.js'
import { priorities } from '../../data/priority.js'

export const schema = {
  type: 'object',
  description: 'Limits how much each source may send.',
  properties: {
    rate: {
      type: 'number',
      minimum: 0.001,
      maximum: 10_000_000,
      default: 100,
      description: 'Items (events, spans, metric points) per second that pass of one source, in the long run.',
    },
    burst: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000_000,
      default: 1000,
      description: 'Items of one source that pass at once after it was quiet for `burst / rate` seconds.',
    },
    source: {
      type: 'array',
      items: { type: 'string', minLength: 1, maxLength: 255, description: 'Name of an attribute.' },
      minItems: 1,
      maxItems: 8,
      default: ['systemd.unit.name', 'service.name'],
      description:
        'What tells sources apart: the first of these attributes that a record, or else its resource, has. Records without any are one source.',
    },
    over_limit: {
      type: 'string',
      enum: ['drop', 'refuse'],
      default: 'drop',
      description:
        'What becomes of more: `drop` drops it, with a count; `refuse` answers "not now" for the whole batch until its sources may send again, so that who sent it waits, and others that come by the same way with it.',
    },
    kinds: {
      type: 'array',
      items: { type: 'string', enum: ['event', 'metric', 'span'], description: 'Kind of record.' },
      minItems: 1,
      maxItems: 3,
      default: ['event', 'span'],
      description: 'Kinds of record that count; the others pass untouched. A metric passes as a whole.',
    },
    spare: {
      type: 'array',
      items: { type: 'string', enum: priorities, description: 'A class of records.' },
      maxItems: 5,
      default: ['failure', 'pattern'],
      description: 'Classes of records that always pass and do not count.',
    },
    max_sources: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      default: 10_000,
      description: 'Sources followed; past it the one heard of longest ago is forgotten, and may send a burst again.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
