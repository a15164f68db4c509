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
      format: 'state_folder',
      pattern: '^/',
      maxLength: 4096,
      description:
        'Folder for what must outlive the agent: counts, journal cursors. Left out, it is `$STATE_DIRECTORY` (which systemd sets for `StateDirectory=`); without either, every start begins from nothing.',
    },
    status_socket: {
      type: 'string',
      pattern: '^/',
      maxLength: 107,
      description:
        'Unix socket on which the agent answers `unitscope status`, at most 107 bytes. Left out, it is `status.sock` in `$RUNTIME_DIRECTORY` (which systemd sets for `RuntimeDirectory=`); without either there is none. Agents on one machine need one each.',
    },
    maintenance: {
      type: 'array',
      items: {
        type: 'object',
        description: 'One window, each week or once.',
        properties: {
          units: {
            type: 'array',
            items: {
              type: 'string',
              pattern: '^[^\\[\\]]+$',
              form: 'the name of a unit or a glob of * and ?, without [ and ]',
              maxLength: 255,
              description: 'Exact name with its type (`db.service`), `prefix*`, or glob (`*`, `?`).',
            },
            maxItems: 1000,
            default: [],
            description: 'Units that are worked on; all where it is left out.',
          },
          days: {
            type: 'array',
            items: { type: 'string', enum: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], description: 'A day.' },
            maxItems: 7,
            default: [],
            description: 'Days on which it begins; every day where it is left out.',
          },
          from: {
            type: 'string',
            format: 'wall_time',
            description: 'When it begins: `22:00`, or once, `2026-12-24T22:00`.',
          },
          to: {
            type: 'string',
            format: 'wall_time',
            description: 'When it ends, in the same form; a time that is not after `from` is one of the next day.',
          },
          time_zone: {
            type: 'string',
            format: 'time_zone',
            description: "Whose clocks: `Europe/Berlin`, `UTC`. The machine's where it is left out.",
          },
        },
        required: ['from', 'to'],
      },
      maxItems: 100,
      default: [],
      description:
        'When units are worked on: no pattern is concluded from what happens to them then. Incidents, events of units and alerts on states go on.',
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
