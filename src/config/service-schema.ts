import type { ConfigOf, ObjectSchema } from '../component/schema.js'

const ids = (what: string) =>
  ({
    type: 'array',
    items: { type: 'string', description: 'A component id.' },
    default: [],
    description: what,
  }) as const

/** The `service` section, in the language of the components. */
export const serviceSchema = {
  type: 'object',
  description: 'What runs: pipelines of the components defined above, and how the agent speaks of itself.',
  properties: {
    pipelines: {
      type: 'object',
      description:
        'Pipelines by id. `traces`, `metrics` and `logs` (or `traces/x` ...) carry that signal, any other id carries all three.',
      additionalProperties: {
        type: 'object',
        description: 'Data flows from each receiver through the processors, in order, to all exporters.',
        properties: {
          receivers: ids('Where data comes from; at least one.'),
          processors: ids('What is done with it, in this order.'),
          exporters: ids('Where it goes; at least one.'),
        },
      },
      default: {},
    },
    extensions: ids('Extensions to start, in this order.'),
    state_directory: {
      type: 'string',
      pattern: '^/',
      maxLength: 4096,
      description:
        'Folder for what must outlive the agent: counts, journal cursors. Left out, it is `$STATE_DIRECTORY` (which systemd sets for `StateDirectory=`); without either, every start begins from nothing.',
    },
    telemetry: {
      type: 'object',
      description: "The agent's own log.",
      properties: {
        log_level: {
          type: 'string',
          enum: ['debug', 'info', 'warn', 'error'],
          default: 'info',
          description: 'The least level that is written.',
        },
        log_format: {
          type: 'string',
          enum: ['auto', 'text', 'json'],
          default: 'auto',
          description: '`auto` writes text on a terminal and JSON lines elsewhere.',
        },
      },
      default: {},
    },
  },
} as const satisfies ObjectSchema

export type ServiceConfig = ConfigOf<typeof serviceSchema>
