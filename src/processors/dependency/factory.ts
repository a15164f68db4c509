import type { Consumer, ProcessorFactory, Settings } from '../../component/component.js'
import { type Config, schema } from './config.js'
import { createDependency } from './dependency.js'

export const factory = {
  type: 'dependency',
  kind: 'processor',
  stability: 'beta',
  description:
    'Adds to each failure the unit it comes from, the way it came, and which units it stops or leaves without help.',
  configSchema: schema,
  capabilities: [],
  create: (settings: Settings, config: Config, next: Consumer) => createDependency(settings, config, next),
} satisfies ProcessorFactory
