import type { ExporterFactory, Settings } from '../../component/component.js'
import { check } from './check.js'
import { type Config, schema } from './config.js'
import { createOtlpExporter } from './otlp.js'

export const factory = {
  type: 'otlp',
  kind: 'exporter',
  stability: 'beta',
  description: schema.description,
  configSchema: schema,
  capabilities: ['network'],
  signals: ['logs', 'metrics', 'traces'],
  check,
  waitsUnless: ({ sending_queue: { overflow } }: Config) =>
    overflow === 'block' ? 'sending_queue.overflow: drop_oldest' : undefined,
  create: (settings: Settings, config: Config) => createOtlpExporter(settings, config),
} as const satisfies ExporterFactory
