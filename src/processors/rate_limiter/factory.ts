import type { Consumer, ProcessorFactory, Settings } from '../../component/component.js'
import { type Config, schema } from './config.js'
import { createRateLimiter } from './rate-limiter.js'

export const factory = {
  type: 'rate_limiter',
  kind: 'processor',
  stability: 'beta',
  description: 'Limits what each source (a unit, a service, a tenant) may send; drops the rest, or makes it wait.',
  configSchema: schema,
  capabilities: [],
  create: (settings: Settings, config: Config, next: Consumer) => createRateLimiter(settings, config, next),
} satisfies ProcessorFactory
