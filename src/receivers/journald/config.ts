import type { ConfigOf, ObjectSchema } from '../../component/schema.js'

const unitPatterns = (description: string) =>
  ({
    type: 'array',
    items: {
      type: 'string',
      minLength: 1,
      maxLength: 255,
      description: 'A unit name, `prefix*`, or a glob with `*`, `?` and `[...]`. Without a suffix it means a service.',
    },
    maxItems: 1000,
    default: [],
    description,
  }) as const

/** Names of syslog's levels, gravest first: PRIORITY is the place in this list. */
export const priorities = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'] as const

export const schema = {
  type: 'object',
  description: 'Log lines of units, from the journal.',
  properties: {
    units: unitPatterns(
      'Only lines of units that match one of these; empty for all lines. Where none is a pattern, journalctl finds them by its index.',
    ),
    exclude_units: unitPatterns('No lines of units that match one of these; wins over `units`.'),
    priority: {
      type: 'string',
      enum: priorities,
      default: 'debug',
      description: 'Only lines that are at least so grave.',
    },
    identifiers: {
      type: 'array',
      items: { type: 'string', minLength: 1, maxLength: 255, description: 'What a program calls itself.' },
      maxItems: 100,
      default: [],
      description: 'Only lines with one of these SYSLOG_IDENTIFIERs; empty for all.',
    },
    matches: {
      type: 'array',
      items: {
        type: 'string',
        pattern: '^[A-Z_][A-Z0-9_]{0,63}=',
        form: 'FIELD=value with the name of a field in capitals, such as _PID=1',
        maxLength: 4096,
        description: '`FIELD=value`, as for journalctl.',
      },
      maxItems: 100,
      default: [],
      description: 'Only lines whose fields have these values: one of those given for each field.',
    },
    grep: {
      type: 'string',
      minLength: 1,
      maxLength: 1024,
      description:
        'Only lines whose message matches this regular expression (PCRE2, searched by journalctl). Case counts once it has an upper-case letter.',
    },
    kernel: {
      type: 'boolean',
      default: false,
      description: "Also the kernel's lines, which belong to no unit.",
    },
    fields: {
      type: 'array',
      items: {
        type: 'string',
        pattern: '^[A-Z_][A-Z0-9_]{0,63}$',
        form: 'the name of a field in capitals, such as _EXE',
        maxLength: 64,
        description: 'Name of a field, e.g. `CODE_FILE` or `_EXE`.',
      },
      maxItems: 32,
      default: [],
      description: 'Further fields to carry, as attributes `systemd.journal.field.<name in lower case>`.',
    },
    directory: {
      type: 'string',
      pattern: '^/',
      maxLength: 4095,
      description: "A folder of journal files to read instead of this machine's, e.g. a mounted `/var/log/journal`.",
    },
    root: {
      type: 'string',
      pattern: '^/',
      maxLength: 4095,
      description: 'A file system whose journal is read, e.g. `/host` where that of a host is mounted there.',
    },
    namespace: {
      type: 'string',
      pattern: '^[A-Za-z0-9_.+*-]+$',
      form: 'a name of letters, digits and "_.+-", or *',
      maxLength: 255,
      description: 'Journal namespace (LogNamespace= of a unit); `*` reads all.',
    },
    start_at: {
      type: 'string',
      enum: ['end', 'beginning'],
      default: 'end',
      description:
        'Where to begin when there is no line to go on after: with what comes now, or with all that is there.',
    },
    resume: {
      type: 'boolean',
      default: true,
      description:
        'Go on after the last line that was delivered before the agent ended. Needs a state directory (StateDirectory=, `service.state_directory`).',
    },
    max_lines_per_second: {
      type: 'integer',
      minimum: 0,
      maximum: 1_000_000,
      default: 0,
      description:
        "Lines passed on per unit and second of their own timestamps (bursts up to one second's worth). What is over is counted, and summarised in `systemd.journal.suppressed`. 0: no limit but journald's own (RateLimitBurst=).",
    },
    max_message_size: {
      type: 'string',
      format: 'size',
      default: '64KiB',
      description:
        'Longer messages and fields are cut, and marked with `systemd.journal.truncated`. From 1KiB to 1MiB.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
