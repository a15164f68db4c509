import type { Consumer, ReceiverFactory, Settings } from '../../component/component.js'
import { type Config, schema } from './config.js'
import { createReplayReceiver } from './replay-receiver.js'

export const factory = {
  type: 'replay',
  kind: 'receiver',
  stability: 'beta',
  description: 'Plays back a recording of systemd signals through the same parser and logic as the live receiver.',
  configSchema: schema,
  capabilities: [],
  create: (settings: Settings, config: Config, next: Consumer) => createReplayReceiver(settings, config, next),
} satisfies ReceiverFactory
