import type { ExporterFactory, Settings } from '../../component/component.js'
import { type Config, check, schema } from './config.js'
import { createPrometheusExporter } from './prometheus.js'

export const factory = {
  type: 'prometheus',
  kind: 'exporter',
  stability: 'beta',
  description: schema.description,
  configSchema: schema,
  capabilities: ['network'],
  signals: ['metrics', 'logs'],
  check,
  create: (settings: Settings, config: Config) => createPrometheusExporter(settings, config),
} as const satisfies ExporterFactory
