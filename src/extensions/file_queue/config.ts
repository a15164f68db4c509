import type { ConfigComplaint } from '../../component/component.js'
import type { ConfigOf, ObjectSchema } from '../../component/schema.js'

export const schema = {
  type: 'object',
  description:
    'Keeps on disk what exporters have taken in and not delivered, so that it outlives the agent and long outages.',
  properties: {
    directory: {
      type: 'string',
      format: 'private_folder',
      pattern: '^/',
      maxLength: 3500,
      description:
        'Absolute path; each exporter has a folder in it. Nobody else may be able to write to it or above it. By default `queue` in the state directory (`service.state_directory`).',
    },
    max_bytes: {
      type: 'string',
      format: 'size',
      default: '1GiB',
      description:
        'Disk that the queue of one exporter takes at most; at least `1MiB`. What gives then is `sending_queue.overflow`.',
    },
    fsync: {
      type: 'string',
      enum: ['always', 'interval', 'never'],
      default: 'interval',
      description:
        'When data counts as taken in: `always` once it is on the disk (one fdatasync for all that came meanwhile); `interval` and `never` once the kernel has it, which outlives the agent (`kill -9`) but not a power cut: `interval` loses at most `fsync_interval` of data then.',
    },
    fsync_interval: {
      type: 'string',
      format: 'duration',
      default: '500ms',
      description:
        'Between two syncs, `10ms` to `60s`. With `always` that of acknowledgements: what a power cut makes come twice.',
    },
    allow_volatile: {
      type: 'boolean',
      default: false,
      description:
        'Start with queues in memory where the directory cannot be written (a read-only disk), and say so as `degraded`. Otherwise the agent does not start.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>

export function check({ max_bytes: bytes, fsync_interval: interval }: Config): readonly ConfigComplaint[] {
  const complaints: ConfigComplaint[] = []
  if (bytes < 2 ** 20) complaints.push({ path: ['max_bytes'], reason: 'must be at least 1MiB' })
  if (interval < 10 || interval > 60_000)
    complaints.push({ path: ['fsync_interval'], reason: 'must be from 10ms to 60s' })
  return complaints
}
