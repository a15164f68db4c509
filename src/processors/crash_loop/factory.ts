import { definePattern } from '../../lib/patterns/define-pattern.js'
import { type Config, check, schema } from './config.js'
import { CrashLoopDetector } from './detector.js'

export const factory = definePattern<Config>({
  type: 'crash_loop',
  description: 'Tells when a unit crashes again and again, how, with the evidence, and when that is over.',
  configSchema: schema,
  check,
  detector: (config, context) =>
    new CrashLoopDetector(
      {
        threshold: config.restart_threshold,
        windowMs: config.restart_window,
        slowMs: config.slow_interval,
        healthyMs: config.healthy_time ?? config.restart_window,
        maxUnits: config.max_units,
      },
      context,
    ),
})
