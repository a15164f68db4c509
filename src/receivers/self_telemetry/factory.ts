import type { ConfigComplaint, Consumer, ReceiverFactory, Settings } from '../../component/component.js'
import { type Config, schema } from './config.js'
import { createSelfTelemetryReceiver } from './self-telemetry-receiver.js'

const kMinIntervalMs = 1000
const kMaxIntervalMs = 3_600_000

export const factory = {
  type: 'self_telemetry',
  kind: 'receiver',
  stability: 'beta',
  description:
    "The agent's own metrics: items, drops, errors and durations of every component, and the process's CPU, memory and event loop. If asked, spans of its own operations.",
  configSchema: schema,
  signals: ['logs', 'metrics', 'traces'],
  capabilities: ['process'],
  check({ collection_interval: ms, error_window: windowMs }: Config): readonly ConfigComplaint[] {
    const complaints: ConfigComplaint[] = []
    if (ms < kMinIntervalMs || ms > kMaxIntervalMs)
      complaints.push({ path: ['collection_interval'], reason: 'must be from 1s to 1h' })
    if (windowMs < kMinIntervalMs || windowMs > kMaxIntervalMs)
      complaints.push({ path: ['error_window'], reason: 'must be from 1s to 1h' })
    return complaints
  },
  emitsSelfTraces: ({ traces }: Config) => traces.sampling_ratio > 0,
  create: (settings: Settings, config: Config, next: Consumer) => createSelfTelemetryReceiver(settings, config, next),
} satisfies ReceiverFactory
