import type { Consumer, ProcessorFactory, Settings } from '../../component/component.js'
import { type Config, schema } from './config.js'
import { createLifecycleSpans } from './lifecycle-spans.js'

export const factory = {
  type: 'lifecycle_spans',
  kind: 'processor',
  stability: 'beta',
  description: "Makes a trace of every run of a unit, with systemd's own timestamps; its ID is the InvocationID.",
  configSchema: schema,
  capabilities: [],
  makes: { signal: 'traces', of: 'logs' },
  create: (settings: Settings, config: Config, next: Consumer) => createLifecycleSpans(settings, config, next),
} satisfies ProcessorFactory
