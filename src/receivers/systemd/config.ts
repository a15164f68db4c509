import type { ConfigOf, ObjectSchema } from '../../component/schema.js'
import { defaultFold } from '../../lib/matching/fold.js'
import { type MetricGroup, metricGroups } from '../../lib/systemd/metric-groups.js'
import { defaultUnitTypes, unitTypes } from '../../lib/systemd/unit-types.js'

const pattern = {
  type: 'string',
  minLength: 1,
  maxLength: 255,
  description: 'A unit name, `prefix*`, or a glob with `*`, `?` and `[...]`. Without a suffix it means a service.',
} as const

const group = (name: MetricGroup, description: string) =>
  ({ type: 'boolean', default: metricGroups[name], description }) as const

export const runtimes = ['docker', 'containerd', 'cri-o', 'kubelet', 'podman', 'buildkit', 'nspawn'] as const

export const schema = {
  type: 'object',
  description: "Watches a systemd manager's units by its D-Bus signals.",
  properties: {
    scope: {
      type: 'string',
      enum: ['system', 'user'],
      default: 'system',
      description: 'Which manager to watch: the system one, or that of the user the agent runs as.',
    },
    address: {
      type: 'string',
      maxLength: 1024,
      description:
        'D-Bus address, e.g. `unix:path=/run/dbus/system_bus_socket`. Left out, it is the bus of `scope`; in a container, point it at the mounted host socket.',
    },
    cgroup_root: {
      type: 'string',
      pattern: '^(/.*)?$',
      maxLength: 4095,
      default: '',
      description:
        'Where cgroup v2 is mounted, for `systemd.unit.cgroup_id`. Found in /proc/self/mountinfo when empty; in a container, mount the host’s /sys/fs/cgroup. A tree that is not that of the systemd on the bus is not used.',
    },
    private_socket: {
      type: 'boolean',
      default: false,
      description:
        "While the bus cannot be used, listen on systemd's own socket (`/run/systemd/private`), for which the agent must be root. Each such connection costs PID 1 CPU, and memory if the agent stalls.",
    },
    monitor_all_services: {
      type: 'boolean',
      default: true,
      description: 'Watch every unit of `unit_types`. With false, `service_whitelist` must say which.',
    },
    service_whitelist: {
      type: 'array',
      items: pattern,
      maxItems: 1000,
      default: [],
      description: 'Watch only units that match one of these. Empty watches all.',
    },
    service_blacklist: {
      type: 'array',
      items: pattern,
      maxItems: 1000,
      default: [],
      description: 'Never watch units that match one of these; wins over the whitelist.',
    },
    container_runtime_filter: {
      description:
        'What to do with units of container runtimes: the daemons, their sockets, slices and container scopes. `true` marks them with `systemd.unit.container_runtime`, `false` does not look.',
      anyOf: [
        { type: 'boolean', description: 'Mark them or not.' },
        {
          type: 'object',
          description: 'Mark and select them.',
          properties: {
            mode: {
              type: 'string',
              enum: ['include', 'exclude', 'only'],
              default: 'include',
              description:
                '`include` watches them like all others, `exclude` leaves them out, `only` leaves out all others.',
            },
            runtimes: {
              type: 'array',
              items: { type: 'string', enum: runtimes, description: 'A container runtime.' },
              default: [...runtimes],
              description: 'Which runtimes count.',
            },
          },
        },
      ],
      default: true,
    },
    unit_types: {
      type: 'array',
      items: { type: 'string', enum: unitTypes, description: 'A unit type.' },
      minItems: 1,
      default: [...defaultUnitTypes],
      description:
        'Unit types to watch. Targets, slices, scopes and devices change often and rarely fail: add them on purpose.',
    },
    track_dependencies: {
      type: 'boolean',
      default: true,
      description:
        'Read how units depend on each other, so that an event can name the unit whose failure caused it (`systemd.unit.caused_by`), and the `dependency` processor what it reaches. Includes targets, slices and scopes, whose states are not watched for it.',
    },
    signal_buffer_size: {
      type: 'integer',
      minimum: 100,
      maximum: 1_000_000,
      default: 10_000,
      description:
        'Signals buffered between the bus thread and the pipeline. When it is full `overflow_policy` applies.',
    },
    overflow_policy: {
      type: 'string',
      enum: ['drop_oldest', 'drop_newest', 'block'],
      default: 'drop_oldest',
      description:
        'What a full buffer does. Drops are counted and followed by a new reading of all states; `block` leaves signals to the bus daemon, which buffers up to 127 MiB.',
    },
    max_batch_size: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
      default: 1000,
      description: 'Signals that are handed over at once, without waiting out `batch_timeout`; so are 256 KiB of them.',
    },
    batch_timeout: {
      type: 'string',
      format: 'duration',
      default: '4ms',
      description:
        'Longest wait of a signal for others to share its wake-up, up to 10s. It waits only while at least six are to be expected within that time, and half as long where half of it brings twelve; failures never wait. Longer saves CPU. 0s: none waits.',
    },
    backpressure_threshold: {
      type: 'number',
      minimum: 0.05,
      maximum: 1,
      default: 0.8,
      description:
        'Share of the buffer in use at which the agent counts as behind: it is woken whatever `batch_timeout` says, `signals_backpressure` counts it, and the receiver is degraded for as long.',
    },
    max_events_per_second: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      default: 1000,
      description:
        "Events passed on per second (bursts up to one second's worth; what is told after a gap, the gap's). What is over is counted, and summarised in `systemd.events.suppressed`. Metrics count everything all the same.",
    },
    history: {
      description:
        'Read from the journal what happened while the agent was not running (with a state directory), the bus was gone, PID 1 was executed anew or signals were lost: PID 1 keeps a diary there. Needs journalctl and a user that may read the journal. `false` does not; what is missing then, systemd can tell in part only.',
      anyOf: [
        { type: 'boolean', description: "Of this machine's journal, or not." },
        {
          type: 'object',
          description: 'Of a journal elsewhere, e.g. the host’s, mounted into a container.',
          properties: {
            directory: { type: 'string', pattern: '^/', maxLength: 4095, description: 'A folder of journal files.' },
            root: {
              type: 'string',
              pattern: '^/',
              maxLength: 4095,
              description: 'A file system whose journal is read.',
            },
          },
        },
      ],
      default: true,
    },
    history_max: {
      type: 'string',
      format: 'duration',
      default: '24h',
      description: 'How far back the journal is read, from 1m to 30d. What is older is a gap.',
    },
    history_max_entries: {
      type: 'integer',
      minimum: 100,
      maximum: 1_000_000,
      default: 100_000,
      description:
        'Messages of PID 1 read at most, the newest ones; a restart makes five. What is before them is a gap.',
    },
    poll_interval: {
      type: 'string',
      format: 'duration',
      default: '60s',
      description:
        'How often all states are compared with what systemd says, to find what no signal told. From 5s to 1h; 0s never.',
    },
    metrics: {
      type: 'object',
      default: {},
      description: 'Groups of metrics. What is off by default is more series per unit than most want.',
      properties: {
        state: group('state', 'State of each unit (`systemd.unit.state`, 8 series each), and units by state.'),
        expected: group(
          'expected',
          'Whether each unit should be active (`systemd.unit.expected`); needs `track_dependencies`.',
        ),
        verdicts: group('verdicts', 'What comes next to a unit that is down, of those that ever were: 5 series each.'),
        counters: group('counters', 'Restarts and failures.'),
        times: group('times', 'Since when a unit is active, and when a timer last fired.'),
        manager: group(
          'manager',
          'State of systemd as a whole, its version, virtualization, boot stages, watchdog device.',
        ),
        sockets: group(
          'sockets',
          'Connections of sockets with `Accept=yes`; three properties read per such socket and interval, some 0.1 ms of PID 1.',
        ),
        durations: group('durations', 'How long the last start and the last stop took.'),
        timestamps: group(
          'timestamps',
          'When each unit last began to start, became active, began to stop, had stopped.',
        ),
        details: group('details', 'Sub-state, result and exit code: a series per value a unit had.'),
        info: group('info', 'Type, unit file state and slice as labels of a series that is always 1.'),
        ip_accounting: group(
          'ip_accounting',
          'Bytes and packets of services with `IPAccounting=yes`; four properties read per such service and interval, 75 services at a time.',
        ),
      },
    },
    fold: {
      type: 'array',
      items: pattern,
      maxItems: 1000,
      default: [...defaultFold],
      description:
        'Instances of templates whose metrics are told together, as of one unit `sshd@*.service`: how many are in which state, and the sum of their restarts and failures. Events are never folded.',
    },
    max_series: {
      type: 'integer',
      minimum: 0,
      maximum: 10_000_000,
      default: 0,
      description:
        'Points of units that a collection has at most; 0 for no limit. What is over leaves whole units out: instances of templates first, then the last by name.',
    },
    collection_interval: {
      type: 'string',
      format: 'duration',
      default: '10s',
      description: 'How often state metrics are emitted, from 1s to 1h; 0s never.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
