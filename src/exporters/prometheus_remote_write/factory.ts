import type { ExporterFactory, Settings } from '../../component/component.js'
import { type Config, check, schema } from './config.js'
import { createRemoteWriteExporter } from './remote-write.js'

export const factory = {
  type: 'prometheus_remote_write',
  kind: 'exporter',
  stability: 'alpha',
  description: schema.description,
  configSchema: schema,
  capabilities: ['network'],
  // Events as counters (unitscope_events_total), beside the metrics.
  signals: ['logs', 'metrics'],
  check,
  waitsUnless: ({ sending_queue: { overflow } }: Config) =>
    overflow === 'block' ? 'sending_queue.overflow: drop_oldest' : undefined,
  create: (settings: Settings, config: Config) => createRemoteWriteExporter(settings, config),
} as const satisfies ExporterFactory
