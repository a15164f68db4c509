import type { ConfigComplaint, Consumer, ProcessorFactory, Settings } from '../../component/component.js'
import { type Config, schema } from './config.js'
import { createIncident } from './incident.js'

export const factory = {
  type: 'incident',
  kind: 'processor',
  stability: 'beta',
  description: 'Makes one incident of the failures that belong together: one alarm, one trace, with the root cause.',
  configSchema: schema,
  capabilities: [],
  makes: { signal: 'traces', of: 'logs' },
  check(config: Config): readonly ConfigComplaint[] {
    const keys = ['healthy_time', 'collection_interval'] as const
    return keys.flatMap((key) => (config[key] === 0 ? [{ path: [key], reason: 'must be longer than 0s' }] : []))
  },
  create: (settings: Settings, config: Config, next: Consumer) => createIncident(settings, config, next),
} satisfies ProcessorFactory
