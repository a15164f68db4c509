import type { ConfigComplaint } from '../../component/component.js'
import type { ConfigOf, ObjectSchema } from '../../component/schema.js'

export const schema = {
  type: 'object',
  description: 'Finds units that crash again and again.',
  properties: {
    restart_threshold: {
      type: 'integer',
      minimum: 2,
      maximum: 1000,
      default: 3,
      description:
        'Crashes within `restart_window` that make a crash loop. A run that failed and was restarted is one crash.',
    },
    restart_window: {
      type: 'string',
      format: 'duration',
      default: '5m',
      description: 'How close together they must be: the last less than this after the first. It slides.',
    },
    slow_interval: {
      type: 'string',
      format: 'duration',
      default: '30m',
      description:
        'A unit that systemd restarts again and again, too slowly for the window, is in a loop, too, where its crashes are at most this far apart and regular. 0s: only the window counts.',
    },
    healthy_time: {
      type: 'string',
      format: 'duration',
      description:
        'Time without a crash after which the loop is over; at least twice the time between its last crashes, and `slow_interval` where these are too far apart for the window. Default: `restart_window`.',
    },
    max_units: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 4096,
      description: 'Units remembered; past it the one that was quiet for longest is forgotten, and counted.',
    },
  },
  renamed: { threshold: 'restart_threshold', window: 'restart_window', recovery: 'healthy_time' },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>

/** So long a silence that nobody waits for its end. */
const kMaxMs = 24 * 86_400_000

export function check(config: Config): readonly ConfigComplaint[] {
  const complaints: ConfigComplaint[] = []
  for (const key of ['restart_window', 'healthy_time'] as const)
    if (config[key] === 0) complaints.push({ path: [key], reason: 'must be longer than 0s' })
  const longest = config.healthy_time === undefined ? 'restart_window' : 'healthy_time'
  if ((config[longest] ?? 0) > kMaxMs) complaints.push({ path: [longest], reason: 'must be at most 24d' })
  if (config.slow_interval > kMaxMs) complaints.push({ path: ['slow_interval'], reason: 'must be at most 24d' })
  return complaints
}
