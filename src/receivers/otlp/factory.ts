import type { Consumer, ReceiverFactory, Settings } from '../../component/component.js'
import { type Config, check, schema } from './config.js'
import { createOtlpReceiver } from './otlp-receiver.js'

export const factory = {
  type: 'otlp',
  kind: 'receiver',
  stability: 'beta',
  description: schema.description,
  configSchema: schema,
  capabilities: ['network'],
  check,
  create: (settings: Settings, config: Config, next: Consumer) => createOtlpReceiver(settings, config, next),
} as const satisfies ReceiverFactory
