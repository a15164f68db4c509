/** A series as the server knows it, and what it was sent last. */
export interface Series {
  /** As `labelFields` gives them: by this alone it is told from all others. */
  readonly labels: string
  /** When its newest sample was measured, milliseconds since 1970 with their fraction. */
  measuredMs: number
  /** The timestamp of that sample. */
  sentMs: number
  /** That of its newest exemplar. */
  exemplarMs: number
  /** Longest pause between two samples; 0 before the second. */
  pauseMs: number
  /** When the newest one came, by the monotonic clock. */
  cameMs: number
}

export function newSeries(labels: string, nowMs: number): Series {
  const never = Number.NEGATIVE_INFINITY
  return { labels, measuredMs: never, sentMs: never, exemplarMs: never, pauseMs: 0, cameMs: nowMs }
}

/** What series were before a batch: its samples count only once they are taken. */
export class Undo {
  readonly #series: Series[] = []
  readonly #before: number[] = []

  /** To be called before the series is changed. */
  note(series: Series): void {
    this.#series.push(series)
    this.#before.push(series.measuredMs, series.sentMs, series.exemplarMs, series.pauseMs, series.cameMs)
  }

  undo(): void {
    for (let at = this.#series.length - 1; at >= 0; at--) {
      const series = this.#series[at]!
      const from = at * 5
      series.measuredMs = this.#before[from]!
      series.sentMs = this.#before[from + 1]!
      series.exemplarMs = this.#before[from + 2]!
      series.pauseMs = this.#before[from + 3]!
      series.cameMs = this.#before[from + 4]!
    }
    this.forget()
  }

  forget(): void {
    this.#series.length = 0
    this.#before.length = 0
  }
}
