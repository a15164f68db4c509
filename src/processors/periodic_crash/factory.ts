import { definePattern } from '../../lib/patterns/define-pattern.js'
import { type Config, schema } from './config.js'
import { PeriodicCrashDetector } from './periodic-crash.js'

export const factory = definePattern<Config>({
  type: 'periodic_crash',
  description:
    'Tells that a unit fails at regular times: the period, how exact it is, and when the next failure is due.',
  configSchema: schema,
  detector: (config, context) =>
    new PeriodicCrashDetector(
      {
        falseAlarmRate: config.false_alarm_rate,
        maxJitter: config.max_jitter,
        minFailures: config.min_failures,
        maxUnits: config.max_units,
      },
      context,
    ),
})
