import type { ConfigOf, ObjectSchema } from '../../component/schema.js'
import { defaultFold } from '../../lib/matching/fold.js'

const patterns = (description: string) =>
  ({
    type: 'array',
    items: {
      type: 'string',
      maxLength: 255,
      description: 'Exact unit name, `prefix*`, or a glob (`*`, `?`, `[a-z]`).',
    },
    maxItems: 1000,
    default: [],
    description,
  }) as const

const group = (description: string, on = true) => ({ type: 'boolean', default: on, description }) as const

export const schema = {
  type: 'object',
  description: 'Resource use of units and containers, from cgroup v2.',
  properties: {
    root: {
      type: 'string',
      pattern: '^(/.*)?$',
      default: '',
      maxLength: 4095,
      description:
        'Mount point of cgroup v2, or a directory below it. Found in /proc/self/mountinfo when empty; in a container that is the host’s, where it is mounted, as it shows more than the container’s own.',
    },
    scope: {
      type: 'string',
      enum: ['system', 'user'],
      default: 'system',
      description:
        'Whose units: those of the system manager, or those of the manager of the user the agent runs as. Must fit the `systemd` receiver beside it.',
    },
    collection_interval: {
      type: 'string',
      format: 'duration',
      default: '10s',
      description: 'Time between two readings, from 1s to 1h. The first is made at start.',
    },
    unit_types: {
      type: 'array',
      items: {
        type: 'string',
        enum: ['service', 'scope', 'slice', 'socket', 'mount', 'swap'],
        description: 'Suffix of the unit name.',
      },
      minItems: 1,
      maxItems: 6,
      default: ['service', 'scope', 'slice'],
      description: 'Types of units to read. A slice counts all that lies in it.',
    },
    include: patterns('Units to read; empty for all of `unit_types`.'),
    exclude: patterns('Units not to read; wins over `include`.'),
    fold: {
      ...patterns(
        'Instances of templates that are not measured one by one: their slice, `system-sshd.slice` of `sshd@.service`, has the sum of all.',
      ),
      default: [...defaultFold],
    },
    max_series: {
      type: 'integer',
      minimum: 0,
      maximum: 10_000_000,
      default: 0,
      description:
        'Points a reading has at most; 0 for no limit. What is over leaves whole units out: instances of templates first, then the last by name.',
    },
    containers: {
      type: 'boolean',
      default: true,
      description:
        'Also read whole containers and pods that have no unit of their own (cgroupfs driver: /docker/ID, /kubepods/...; lxc). `include` and `exclude` do not touch them.',
    },
    metrics: {
      type: 'object',
      default: {},
      description: 'Groups of metrics; the files of a group that is off are not opened.',
      properties: {
        cpu: group('CPU time and throttling (cpu.stat).'),
        memory: group('Memory in use, peak, limits, swap, and events such as OOM kills (memory.*).'),
        memory_local: group(
          'Memory events of the cgroup itself, without those below it (memory.events.local): differs for slices only.',
          false,
        ),
        memory_stat: group(
          'What the memory is used for (memory.stat): 14 series per unit, and the dearest file to read. The first to switch off.',
        ),
        io: group('Bytes and operations per block device (io.stat).'),
        pids: group('Number of tasks, its limit, and how often that was met (pids.*).'),
        pressure: group('Time lost waiting for CPU, memory and I/O (PSI).'),
        state: group('Whether the unit has processes, and whether it is frozen (cgroup.events).', false),
      },
    },
    pressure_triggers: {
      type: 'array',
      maxItems: 16,
      default: [],
      description:
        'Stalls the kernel is to tell of at once, as events `cgroup.pressure.stalled`: at most one per unit and window. 256 units times triggers at most.',
      items: {
        type: 'object',
        description: 'One kind of stall.',
        required: ['resource', 'threshold'],
        properties: {
          resource: { type: 'string', enum: ['cpu', 'memory', 'io'], description: 'What tasks wait for.' },
          kind: {
            type: 'string',
            enum: ['some', 'full'],
            default: 'some',
            description: 'Whether one waiting task is enough (`some`), or all must wait (`full`).',
          },
          threshold: {
            type: 'string',
            format: 'duration',
            description: 'Waiting time within `window` past which the kernel tells.',
          },
          window: {
            type: 'string',
            format: 'duration',
            default: '2s',
            description: 'From 500ms to 10s. Without CAP_SYS_RESOURCE the kernel takes multiples of 2s only.',
          },
          units: patterns('Units it is for; empty for all that are measured.'),
        },
      },
    },
    kernel_log: {
      type: 'boolean',
      default: true,
      description:
        'Also read the kernel’s log (/dev/kmsg), where that is allowed (CAP_SYSLOG): it names the process that was killed for want of memory. Whose it was is known without.',
    },
    max_open_files: {
      type: 'integer',
      minimum: 0,
      maximum: 1_000_000,
      default: 10_000,
      description:
        'Files kept open between readings, as far as LimitNOFILE allows. Each saves about 3 us per reading, and costs 4 KiB of kernel memory, which counts as the agent’s.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
