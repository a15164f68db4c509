import type { Consumer, ProcessorFactory, Settings } from '../../component/component.js'
import { createAttributes } from './attributes.js'
import { checkConfig } from './check.js'
import { type Config, schema } from './config.js'

export const factory = {
  type: 'attributes',
  kind: 'processor',
  stability: 'beta',
  description: 'Sets, renames, deletes and hashes attributes of records and resources.',
  configSchema: schema,
  capabilities: [],
  check: checkConfig,
  create: (settings: Settings, config: Config, next: Consumer) => createAttributes(settings, config, next),
} satisfies ProcessorFactory
