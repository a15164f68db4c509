import type { ConfigOf, ObjectSchema } from '../../component/schema.js'
import { unitNames } from '../../lib/matching/names-schema.js'

export const schema = {
  type: 'object',
  description: 'Finds units whose memory, or number of tasks, grows for good.',
  properties: {
    warm_up: {
      type: 'string',
      format: 'duration',
      default: '10m',
      description: 'Time after a start, and after a deployment, that is not looked at: caches fill, code is compiled.',
    },
    min_duration: {
      type: 'string',
      format: 'duration',
      default: '30m',
      description: 'Growth is told of when it has gone on for at least this long and the limit is near.',
    },
    long: {
      type: 'string',
      format: 'duration',
      default: '24h',
      description:
        'Growth that has gone on for this long is told of however far the limit is: load that follows the hour of the day has then fallen, too.',
    },
    window: {
      type: 'string',
      format: 'duration',
      default: '1m',
      description:
        'Width of the narrowest windows whose minima are looked at; the others are 5, 15, 60, 240 and 1440 times as wide. A few readings long.',
    },
    min_growth: {
      type: 'string',
      format: 'size',
      default: '4MiB',
      description:
        'Growth of memory that is worth the name. A tenth of what there was, too, or a quarter of what is left.',
    },
    min_task_growth: {
      type: 'integer',
      minimum: 2,
      maximum: 1_000_000,
      default: 10,
      description: 'The same of tasks.',
    },
    false_alarms_per_week: {
      type: 'number',
      minimum: 0.000001,
      maximum: 10,
      default: 0.01,
      description:
        'How often a unit whose memory changes by chance alone (a random walk) may be taken for a leak, at most.',
    },
    host_memory: {
      type: 'string',
      format: 'size',
      description: 'The limit of units that have none of their own. Default: the memory of this machine.',
    },
    include: unitNames('Units to look at; empty for all.', []),
    exclude: unitNames('Units not to look at; wins over `include`. A slice is the sum of what lies in it.', [
      '*.slice',
    ]),
    max_units: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 4096,
      description: 'Units remembered; past it the one that was read longest ago is forgotten, and counted.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
