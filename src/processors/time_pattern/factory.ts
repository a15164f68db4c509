import { definePattern } from '../../lib/patterns/define-pattern.js'
import { type Config, schema } from './config.js'
import { TimePatternDetector } from './time-pattern.js'

export const factory = definePattern<Config>({
  type: 'time_pattern',
  description:
    'Tells that a unit fails at certain hours, on certain days of the week, or so long after a job has started.',
  configSchema: schema,
  check({ time_zone, max_lag }) {
    const complaints = max_lag === 0 ? [{ path: ['max_lag'], reason: 'must be longer than 0s' }] : []
    return isZone(time_zone)
      ? complaints
      : [...complaints, { path: ['time_zone'], reason: 'is no time zone such as Europe/Berlin' }]
  },
  detector: (config, context) =>
    new TimePatternDetector(
      {
        ...(config.time_zone === undefined ? {} : { timeZone: config.time_zone }),
        falseAlarmRate: config.false_alarm_rate,
        minFailures: config.min_failures,
        maxLagMs: config.max_lag,
        maxJobs: config.max_jobs,
        maxUnits: config.max_units,
      },
      context,
    ),
})

function isZone(zone: string | undefined): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone })
    return true
  } catch {
    return false
  }
}
