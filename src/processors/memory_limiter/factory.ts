import type { ConfigComplaint, Consumer, ProcessorFactory, Settings } from '../../component/component.js'
import { type Config, schema } from './config.js'
import { limitsOf } from './limits.js'
import { createMemoryLimiter } from './memory-limiter.js'
import { processMeter } from './meter.js'

/**
 * An idle agent on 50 units has 64 MiB resident at its start and 72 to 82 MiB later, code pages of Node included
 * (agent-idle.test.ts). Were data only taken again below that, it would be refused for ever.
 */
const kOwnNeedBytes = 84 * 2 ** 20

/** A timer of 0 would measure without pause. */
const kLeastCheckMs = 10

export const factory = {
  type: 'memory_limiter',
  kind: 'processor',
  stability: 'beta',
  description: 'Refuses data while the process uses too much memory; put it first.',
  configSchema: schema,
  capabilities: [],
  check(config: Config): readonly ConfigComplaint[] {
    const complaints: ConfigComplaint[] = []
    if (config.check_interval < kLeastCheckMs)
      complaints.push({ path: ['check_interval'], reason: `must be at least ${kLeastCheckMs}ms` })
    const { hard, soft, resume } = limitsOf(config, processMeter.availableBytes())
    const key = config.limit === undefined ? 'limit_percentage' : 'limit'
    if (config.spike_limit !== undefined && config.spike_limit >= hard)
      complaints.push({ path: ['spike_limit'], reason: `must be less than the limit of ${hard} bytes` })
    else if (resume <= kOwnNeedBytes)
      complaints.push({
        path: [key],
        reason: `is too small: after a refusal (from ${soft} bytes on) data is taken again below ${resume} bytes, but the agent itself needs ${kOwnNeedBytes / 2 ** 20}MiB; raise it`,
      })
    return complaints
  },
  create: (settings: Settings, config: Config, next: Consumer) => createMemoryLimiter(settings, config, next),
} satisfies ProcessorFactory
