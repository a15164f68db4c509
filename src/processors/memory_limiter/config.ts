import type { ConfigOf, ObjectSchema } from '../../component/schema.js'

export const schema = {
  type: 'object',
  description:
    'Refuses data while the process uses too much memory, and drops the least important above the hard limit.',
  properties: {
    check_interval: {
      type: 'string',
      format: 'duration',
      default: '1s',
      description:
        'How often memory is measured. Shorter reacts faster to bursts; a measurement takes some microseconds.',
    },
    limit: {
      type: 'string',
      format: 'size',
      description:
        'Hard limit of the resident memory of the process: above it only failures and patterns pass. Instead of `limit_percentage`.',
    },
    limit_percentage: {
      type: 'integer',
      minimum: 1,
      maximum: 100,
      default: 75,
      description:
        "Hard limit in percent of the memory limit of the process's cgroup, or of the machine's memory if it has none.",
    },
    spike_limit: {
      type: 'string',
      format: 'size',
      description:
        'Distance of the soft limit, from which on data is refused, below the hard limit: what may come in between two checks. Default: 20 % of the limit.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
