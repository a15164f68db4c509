import type { Consumer, ReceiverFactory, Settings } from '../../component/component.js'
import { type Config, check, schema } from './config.js'
import { createNatsReceiver } from './nats-receiver.js'

export const factory = {
  type: 'nats',
  kind: 'receiver',
  stability: 'alpha',
  description: schema.description,
  configSchema: schema,
  capabilities: ['network'],
  check,
  create: (settings: Settings, config: Config, next: Consumer) => createNatsReceiver(settings, config, next),
} as const satisfies ReceiverFactory
