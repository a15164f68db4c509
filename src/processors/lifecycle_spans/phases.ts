/** What is known of a run when it ends; microseconds since 1970, 0 for unknown. Taken from one state of systemd's. */
export interface RunMarks {
  readonly inactiveExit: number
  readonly activeEnter: number
  readonly activeExit: number
  readonly inactiveEnter: number
  readonly mainStart: number
  readonly mainExit: number
  /** The two of when the run came up, if that was seen: later states may carry those of the next cycle. */
  readonly seenInactiveExit: number
  readonly seenActiveEnter: number
  /** The state the marks come from is one of an ended run: inactive, failed, or waiting for its restart. */
  readonly over: boolean
  /** It waits for its restart, which has set InactiveExit anew. */
  readonly waiting: boolean
  /** When systemd says that the run ended, where the marks are of an earlier state. */
  readonly ended: number
  /** When the end was told of, for want of anything better. */
  readonly told: number
}

export type Interval = readonly [startUsec: number, endUsec: number]

/** The parts of a run: in order, touching, each inside `whole`. */
export interface Phases {
  readonly whole: Interval
  /** Absent when it took no time (Type=simple is active at once) or when its time is unknown. */
  readonly start?: Interval | undefined
  /** Absent when the unit never became active. */
  readonly running?: Interval | undefined
  /** Absent when the unit went down at once, as a crash does. */
  readonly stop?: Interval | undefined
}

/**
 * Puts systemd's timestamps in order. Each is only the *last* time something happened, so any of them may belong to an
 * earlier run (a start that failed leaves the ActiveEnter of the run before) or already to the next one (auto-restart
 * sets InactiveExit). What does not fit between its neighbours is left out, never bent.
 */
export function phasesOf(marks: RunMarks): Phases {
  const end = endOf(marks)
  const knownStart = firstOf([marks.seenInactiveExit, marks.inactiveExit], (usec) => usec <= end)
  const lower = knownStart ?? (marks.mainStart > 0 && marks.mainStart <= end ? marks.mainStart : undefined)
  const active =
    lower === undefined
      ? firstOf([marks.seenActiveEnter], (usec) => usec <= end)
      : firstOf([marks.seenActiveEnter, marks.activeEnter], (usec) => usec >= lower && usec <= end)
  const start = lower ?? active ?? end
  const whole: Interval = [start, end]
  if (active === undefined) return end > start ? { whole, start: [start, end] } : { whole }
  const exit = marks.activeExit >= active && marks.activeExit <= end ? marks.activeExit : end
  return {
    whole,
    start: active > start ? [start, active] : undefined,
    running: [active, exit],
    stop: end > exit ? [exit, end] : undefined,
  }
}

function endOf(marks: RunMarks): number {
  const { over, inactiveEnter, ended, mainExit, told } = marks
  // What lies before the last sign of life is the end of an earlier run, or of a command after which the unit stays up.
  const alive = Math.max(
    marks.seenInactiveExit,
    marks.seenActiveEnter,
    marks.activeEnter,
    marks.mainStart,
    marks.waiting ? 0 : marks.inactiveExit,
  )
  const known = [over ? inactiveEnter : ended, mainExit]
  return firstOf(known, (usec) => usec >= alive) ?? Math.max(told, alive)
}

function firstOf(candidates: readonly number[], fits: (usec: number) => boolean): number | undefined {
  return candidates.find((usec) => usec > 0 && fits(usec))
}
