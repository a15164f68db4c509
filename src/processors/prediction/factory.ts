import type { ConfigComplaint } from '../../component/component.js'
import { definePattern } from '../../lib/patterns/define-pattern.js'
import { type Config, schema } from './config.js'
import { PredictionDetector, wantedMetrics } from './detector.js'

export const factory = definePattern<Config>({
  type: 'prediction',
  description:
    'Says what will run out (memory, tasks, disk) or fail again, and when: with an interval, from what other patterns have found.',
  configSchema: schema,
  metrics: wantedMetrics,
  ofMachine: true,
  stateVersion: 1,
  check({ max_horizon, min_horizon }): readonly ConfigComplaint[] {
    return max_horizon > min_horizon ? [] : [{ path: ['max_horizon'], reason: 'must be longer than `min_horizon`' }]
  },
  detector: (config, context) => new PredictionDetector(config, context),
})
