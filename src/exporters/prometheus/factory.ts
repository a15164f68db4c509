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
  // Events as counters (unitscope_events_total), beside the metrics.
  signals: ['logs', 'metrics'],
  check,
  create: (settings: Settings, config: Config) => createPrometheusExporter(settings, config),
} as const satisfies ExporterFactory
