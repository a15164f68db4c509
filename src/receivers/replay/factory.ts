import { loadNative } from '../../binding/native.js'
import type { Consumer, ReceiverFactory, Settings } from '../../component/component.js'
import { type Config, schema } from './config.js'
import { createReplayReceiver } from './replay-receiver.js'

export const factory = {
  type: 'replay',
  kind: 'receiver',
  stability: 'beta',
  description: 'Plays back a recording of systemd signals through the same parser and logic as the live receiver.',
  configSchema: schema,
  signals: ['logs', 'metrics'],
  capabilities: [],
  unavailable() {
    const loaded = loadNative()
    return 'unavailable' in loaded ? loaded.unavailable : undefined
  },
  create: (settings: Settings, config: Config, next: Consumer) => createReplayReceiver(settings, config, next),
} satisfies ReceiverFactory
