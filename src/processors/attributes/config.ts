import type { ConfigOf, ObjectSchema } from '../../component/schema.js'
import { ruleSchema } from '../../lib/matching/record-rule.js'

const key = { type: 'string', minLength: 1, maxLength: 255 } as const

const actionSchema = {
  type: 'object',
  description: 'One change.',
  properties: {
    action: {
      type: 'string',
      enum: ['insert', 'update', 'upsert', 'rename', 'delete', 'hash'],
      description:
        'insert sets a missing attribute, update an existing one, upsert either; rename moves a value to `to`; hash replaces it by a digest.',
    },
    key: { ...key, description: 'The attribute. For delete and hash also a pattern (`k8s.*`).' },
    value: {
      anyOf: [
        { type: 'string', maxLength: 4096, description: 'Text.' },
        { type: 'number', description: 'Number.' },
        { type: 'boolean', description: 'Truth value.' },
      ],
      description: 'Value to set (insert, update, upsert).',
    },
    from: {
      ...key,
      description: 'Attribute of the record, or else of its resource, to copy the value from, in place of `value`.',
    },
    to: { ...key, description: 'New name (rename). A value that stands there is replaced.' },
    salt: {
      type: 'string',
      format: 'secret',
      maxLength: 1024,
      description: 'Put before the value before hashing, so that guesses cannot be tested without it (hash).',
    },
    length: {
      type: 'integer',
      minimum: 8,
      maximum: 64,
      default: 64,
      description:
        'Hex digits kept of the SHA-256 (hash). 16 (64 bits) is enough to tell some millions of values apart.',
    },
    on: {
      type: 'string',
      enum: ['record', 'resource'],
      default: 'record',
      description: 'Whether it changes the record (of a metric: its points) or the resource.',
    },
  },
  required: ['action', 'key'],
} as const satisfies ObjectSchema

export const schema = {
  type: 'object',
  description: 'Sets, renames, deletes and hashes attributes.',
  properties: {
    include: {
      type: 'array',
      items: ruleSchema,
      maxItems: 200,
      default: [],
      description: 'Only records that match one of these rules are changed. Empty: all.',
    },
    actions: {
      type: 'array',
      items: actionSchema,
      minItems: 1,
      maxItems: 200,
      description: 'Changes, done in this order.',
    },
  },
  required: ['actions'],
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
export type ActionConfig = Config['actions'][number]
