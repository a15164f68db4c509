import { UnitTable } from '../../lib/patterns/unit-table.js'

/** Starts of one job that are remembered: their intervals say how much of all time lies within a lag. */
export const kMaxStarts = 64
/** Fewer intervals say nothing of that. */
const kMinStarts = 4

/** Something that starts again and again: a service, or a cron job. */
export class Job {
  readonly name: string
  /** Steady milliseconds, ascending. */
  readonly starts: number[]
  /** All starts ever, and the first. */
  count: number
  readonly sinceMs: number

  constructor(name: string, starts: readonly number[], count = starts.length, sinceMs = starts[0]!) {
    this.name = name
    this.starts = [...starts]
    this.count = count
    this.sinceMs = sinceMs
  }

  get isRecurring(): boolean {
    return this.starts.length >= kMinStarts
  }

  started(atMs: number): void {
    // Told late it would stand before others.
    if (atMs <= this.starts.at(-1)!) return
    this.starts.push(atMs)
    this.count++
    if (this.starts.length > kMaxStarts) this.starts.shift()
  }

  /** How long before `atMs` it last started; undefined where it had not. */
  lagAt(atMs: number): number | undefined {
    for (let i = this.starts.length - 1; i >= 0; i--) if (this.starts[i]! <= atMs) return atMs - this.starts[i]!
    return undefined
  }

  /**
   * Share of all time in which the last start was at most `lagMs` ago: what lags are under chance, for a unit that always runs.
   * By it they are uniform, whether the job runs each hour or on Mondays.
   */
  shareWithin(lagMs: number): number {
    const { starts, spanMs } = this
    let within = 0
    for (let i = 1; i < starts.length; i++) within += Math.min(starts[i]! - starts[i - 1]!, lagMs)
    return spanMs > 0 ? within / spanMs : 1
  }

  /** From the first start that is remembered to the last. */
  get spanMs(): number {
    return this.starts.at(-1)! - this.starts[0]!
  }

  /** Of the intervals between those. */
  get longestMs(): number {
    return this.starts.reduce((longest, at, i) => Math.max(longest, i === 0 ? 0 : at - this.starts[i - 1]!), 0)
  }
}

/** Jobs that were heard of, at most `max`: those that have started only once or twice make room first. */
export class Jobs {
  readonly #byName: UnitTable<Job>

  constructor(max: number) {
    this.#byName = new UnitTable(
      max,
      () => {},
      ({ isRecurring }) => isRecurring,
    )
  }

  started(name: string, atMs: number): void {
    const known = this.#byName.get(name)
    if (known === undefined) this.#byName.set(name, new Job(name, [atMs]))
    else known.started(atMs)
  }

  get(name: string): Job | undefined {
    return this.#byName.peek(name)
  }

  add(job: Job): void {
    this.#byName.set(job.name, job)
  }

  /** Those that come again and again: as many hypotheses. */
  recurring(): readonly Job[] {
    return [...this.#byName.values()].filter(({ isRecurring }) => isRecurring)
  }

  all(): readonly Job[] {
    return [...this.#byName.values()]
  }
}
