import type { ExtensionFactory, Settings } from '../../component/component.js'
import { type Config, check, schema } from './config.js'
import { createFileQueue } from './file-queue.js'

export const factory = {
  type: 'file_queue',
  kind: 'extension',
  stability: 'beta',
  description: schema.description,
  configSchema: schema,
  capabilities: ['filesystem'],
  check,
  create: (settings: Settings, config: Config) => createFileQueue(settings, config),
} as const satisfies ExtensionFactory
