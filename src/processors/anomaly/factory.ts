import type { ConfigComplaint } from '../../component/component.js'
import { definePattern } from '../../lib/patterns/define-pattern.js'
import { type Config, schema } from './config.js'
import { AnomalyDetector } from './detector.js'
import { wantedMetrics } from './quantities.js'

const kShortestBaselineMs = 3_600_000

export const factory = definePattern<Config>({
  type: 'anomaly',
  description:
    'Learns what is normal for each unit (CPU, memory, I/O, tasks, pressure, failures, starts and stops) and tells what is not.',
  configSchema: schema,
  metrics: wantedMetrics,
  stateVersion: 3,
  check: ({ baseline_period }): readonly ConfigComplaint[] =>
    baseline_period < kShortestBaselineMs
      ? [{ path: ['baseline_period'], reason: 'must be at least 1h: with fewer readings nothing is normal' }]
      : [],
  detector: (config, context) => new AnomalyDetector(config, context),
})
