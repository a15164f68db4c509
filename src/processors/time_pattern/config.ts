import type { ConfigOf, ObjectSchema } from '../../component/schema.js'

export const schema = {
  type: 'object',
  description: 'Finds units that fail at certain hours, on certain days, or after certain jobs.',
  properties: {
    time_zone: {
      type: 'string',
      minLength: 1,
      maxLength: 64,
      description: "Zone of hours and days, as `Europe/Berlin`. Default: the machine's.",
    },
    false_alarm_rate: {
      type: 'number',
      minimum: 1e-9,
      maximum: 0.05,
      default: 0.0001,
      description:
        'Chance, at each failure of a unit that fails at random, that something is found; all windows, lags and jobs tried are counted.',
    },
    min_failures: {
      type: 'integer',
      minimum: 4,
      maximum: 64,
      default: 5,
      description: 'Failures in the window, or after the job, before anything is said. A crash loop is one failure.',
    },
    max_lag: {
      type: 'string',
      format: 'duration',
      default: '1h',
      description: 'A failure so long after the start of a job may come from it.',
    },
    max_jobs: {
      type: 'integer',
      minimum: 1,
      maximum: 1024,
      default: 64,
      description: 'Services and cron jobs that start again and again, of which failures may be a consequence.',
    },
    max_units: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 4096,
      description:
        'Units with failures that are remembered; past it the one heard of longest ago is forgotten, and counted.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
