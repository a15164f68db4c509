import type { ConfigOf, ObjectSchema } from '../../component/schema.js'

export const schema = {
  type: 'object',
  description: 'Shows what flows, readable, in the terminal: one line per event and span.',
  properties: {
    verbosity: {
      type: 'string',
      enum: ['basic', 'normal', 'detailed'],
      default: 'normal',
      description:
        '`basic`: one line of counts per batch; `normal`: a line per event and span, a count line for metrics; `detailed`: all attributes and points, too.',
    },
    output: {
      type: 'string',
      enum: ['stdout', 'stderr'],
      default: 'stdout',
      description: 'Where to write.',
    },
    color: {
      type: 'string',
      enum: ['auto', 'always', 'never'],
      default: 'auto',
      description: '`auto`: on a terminal, unless NO_COLOR is set.',
    },
    buffer_size: {
      type: 'string',
      format: 'size',
      default: '1MiB',
      description: 'Text kept for a terminal that is slow or stopped; what does not fit is left out and counted.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
