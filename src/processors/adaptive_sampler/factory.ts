import type { Consumer, ProcessorFactory, Settings } from '../../component/component.js'
import { createAdaptiveSampler } from './adaptive-sampler.js'
import { type Config, schema } from './config.js'

export const factory = {
  type: 'adaptive_sampler',
  kind: 'processor',
  stability: 'beta',
  description:
    'Under load passes a fair sample of routine records of each unit, with its weight; keeps all failures and findings.',
  configSchema: schema,
  capabilities: [],
  create: (settings: Settings, config: Config, next: Consumer) => createAdaptiveSampler(settings, config, next),
} satisfies ProcessorFactory
