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
    "The agent's own metrics: items, drops, errors and durations of every component, and the process's CPU, memory and event loop.",
  configSchema: schema,
  capabilities: ['process'],
  check({ collection_interval: ms }: Config): readonly ConfigComplaint[] {
    return ms >= kMinIntervalMs && ms <= kMaxIntervalMs
      ? []
      : [{ path: ['collection_interval'], reason: 'must be from 1s to 1h' }]
  },
  create: (settings: Settings, config: Config, next: Consumer) => createSelfTelemetryReceiver(settings, config, next),
} satisfies ReceiverFactory
