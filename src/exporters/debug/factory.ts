import type { ExporterFactory, Settings } from '../../component/component.js'
import { type Config, schema } from './config.js'
import { createDebugExporter } from './debug.js'

export const factory = {
  type: 'debug',
  kind: 'exporter',
  stability: 'stable',
  description: schema.description,
  configSchema: schema,
  capabilities: [],
  signals: ['logs', 'metrics', 'traces'],
  create: (settings: Settings, config: Config) => createDebugExporter(settings, config),
} as const satisfies ExporterFactory
