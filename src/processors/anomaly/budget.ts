import { occasions } from './occasions.js'

const kWeekMs = 604_800_000
// Of what `false_alarms_per_week` allows a healthy unit: what it uses goes on all the time, the rest happens now and then.
const kSeriesShare = 0.6
const kRateShare = 0.2
const kOccasionsShare = 0.2
/** Two counts each hour, which overlap: a test at each failure is worth no more than about four. */
const kRateTestsPerWeek = 4 * 168

/** How the false alarms that a unit may have are shared by what is looked at. */
export interface Budget {
  /** A week, of all series. */
  readonly seriesPerWeek: number
  /** The chance of each count of failures. */
  readonly ofCount: number
  /** A millisecond, of each sort of occasion. */
  readonly occasionPerMs: number
}

export function budgetOf(falseAlarmsPerWeek: number): Budget {
  return {
    seriesPerWeek: falseAlarmsPerWeek * kSeriesShare,
    ofCount: (falseAlarmsPerWeek * kRateShare) / kRateTestsPerWeek,
    occasionPerMs: (falseAlarmsPerWeek * kOccasionsShare) / occasions.length / kWeekMs,
  }
}
