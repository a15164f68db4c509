import type { ConfigComplaint } from '../../component/component.js'
import { definePattern } from '../../lib/patterns/define-pattern.js'
import { type Config, schema } from './config.js'
import { MemoryLeakDetector, wantedMetrics } from './detector.js'

/** Narrower ones have no readings, wider ones no end: the widest are 1440 times as wide. */
const kMinWindowMs = 1000
const kMaxWindowMs = 3_600_000

export const factory = definePattern<Config>({
  type: 'memory_leak',
  description:
    'Tells when the memory of a unit, or its number of tasks, grows for good: how fast, since when, and when its limit is met.',
  configSchema: schema,
  metrics: wantedMetrics,
  stateVersion: 3,
  check(config): readonly ConfigComplaint[] {
    const complaints: ConfigComplaint[] = []
    if (config.window < kMinWindowMs || config.window > kMaxWindowMs)
      complaints.push({ path: ['window'], reason: 'must be from 1s to 1h' })
    if (config.min_duration < 8 * config.window)
      complaints.push({
        path: ['min_duration'],
        reason: 'must be at least 8 times `window`: fewer values are no series',
      })
    if (config.long < config.min_duration)
      complaints.push({ path: ['long'], reason: 'must not be shorter than `min_duration`' })
    return complaints
  },
  detector: (config, context) => new MemoryLeakDetector(config, context),
})
