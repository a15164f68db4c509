import type { ConfigOf, ObjectSchema } from '../../component/schema.js'
import { defaultUnitTypes, unitTypes } from '../../lib/systemd/unit-types.js'

export const schema = {
  type: 'object',
  description: 'Plays back a recording made by `unitscope record`.',
  properties: {
    file: {
      type: 'string',
      format: 'existing_file',
      minLength: 1,
      maxLength: 4096,
      description: 'Path of the recording.',
    },
    speed: {
      description:
        '`real` keeps the recorded pace, `max` goes as fast as the pipeline takes it, a number is that many times real.',
      anyOf: [
        { type: 'string', enum: ['real', 'max'], description: 'A pace by name.' },
        { type: 'number', minimum: 0.01, maximum: 1000, description: 'Times the recorded pace.' },
      ],
      default: 'real',
    },
    unit_types: {
      type: 'array',
      items: { type: 'string', enum: unitTypes, description: 'A unit type.' },
      minItems: 1,
      default: [...defaultUnitTypes],
      description: 'Unit types to play back.',
    },
    collection_interval: {
      type: 'string',
      format: 'duration',
      default: '10s',
      description: 'How often state metrics are emitted, in recorded time, and once at the end. 0s never.',
    },
  },
  required: ['file'],
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
