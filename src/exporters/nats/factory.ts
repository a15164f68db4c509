import type { ExporterFactory, Settings } from '../../component/component.js'
import { type Config, check, schema } from './config.js'
import { createNatsExporter } from './nats.js'

export const factory = {
  type: 'nats',
  kind: 'exporter',
  stability: 'alpha',
  description: schema.description,
  configSchema: schema,
  capabilities: ['network'],
  signals: ['logs', 'metrics', 'traces'],
  check,
  waitsUnless: ({ sending_queue: { overflow } }: Config) =>
    overflow === 'block' ? 'sending_queue.overflow: drop_oldest' : undefined,
  create: (settings: Settings, config: Config) => createNatsExporter(settings, config),
} as const satisfies ExporterFactory
