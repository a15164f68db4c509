import type { ConfigComplaint, Consumer, ProcessorFactory, Settings } from '../../component/component.js'
import { type Config, schema } from './config.js'
import { createCrashLoop } from './crash-loop.js'

/** Timers of JavaScript end at 2^31 - 1 ms (24.8 days). */
const kMaxRecoveryMs = 24 * 86_400_000

export const factory = {
  type: 'crash_loop',
  kind: 'processor',
  stability: 'beta',
  description:
    'Tells when a unit crashes again and again, once per episode, with the evidence, and when that has ended.',
  configSchema: schema,
  capabilities: [],
  check(config: Config): readonly ConfigComplaint[] {
    const complaints: ConfigComplaint[] = []
    if (config.window === 0) complaints.push({ path: ['window'], reason: 'must be longer than 0s' })
    if (config.recovery === 0) complaints.push({ path: ['recovery'], reason: 'must be longer than 0s' })
    if ((config.recovery ?? config.window) > kMaxRecoveryMs)
      complaints.push({ path: [config.recovery === undefined ? 'window' : 'recovery'], reason: 'must be at most 24d' })
    return complaints
  },
  create: (settings: Settings, config: Config, next: Consumer) => createCrashLoop(settings, config, next),
} satisfies ProcessorFactory
