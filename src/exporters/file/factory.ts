import type { ExporterFactory, Settings } from '../../component/component.js'
import { type Config, check, schema } from './config.js'
import { createFileExporter } from './file.js'

export const factory = {
  type: 'file',
  kind: 'exporter',
  stability: 'beta',
  description: schema.description,
  configSchema: schema,
  capabilities: ['filesystem'],
  signals: ['logs', 'metrics', 'traces'],
  check,
  waitsOnce: 'its disk is full',
  create: (settings: Settings, config: Config) => createFileExporter(settings, config),
} as const satisfies ExporterFactory
