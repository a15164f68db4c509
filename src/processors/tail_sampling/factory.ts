import type { Consumer, ProcessorFactory, Settings } from '../../component/component.js'
import { type Config, check, schema } from './config.js'
import { createTailSampling } from './tail-sampling.js'

export const factory = {
  type: 'tail_sampling',
  kind: 'processor',
  stability: 'beta',
  description: schema.description,
  configSchema: schema,
  capabilities: [],
  check,
  create: (settings: Settings, config: Config, next: Consumer) => createTailSampling(settings, config, next),
} satisfies ProcessorFactory
