import { medianInPlace } from '../statistics/robust.js'
import { isAmount, isDuration, isRun, need } from './saved.js'

/** What a run has taught: its rate, per millisecond, which it kept until its end. */
export interface Earlier {
  readonly slope: number
  readonly durationMs: number
  /** Its trace ID; empty where it has none. */
  readonly run: string
  /** It was not ended by a person or a job: these end a run before it has shown where it would have gone. */
  readonly endedItself: boolean
}

export interface SavedRuns {
  readonly runs: readonly Earlier[]
  readonly settled: number
}

/** As many as a habit needs, twice. */
export const kMaxRuns = 6
/** Rates are alike up to this factor. */
const kAlike = 1.6
/** Growth from the third quarter to the last, as a share of all, below which a run has settled. */
const kFlat = 0.1

const part = new Float64Array(32)

/** What earlier runs of a unit have taught of its growth. */
export class EarlierRuns {
  /** Oldest first. */
  #runs: Earlier[] = []
  #settled = 0

  /** Where runs that settled did so; 0 for never. */
  get settled(): number {
    return this.#settled
  }

  add(earlier: Earlier): void {
    this.#runs.push(earlier)
    if (this.#runs.length > kMaxRuns) this.#runs.shift()
  }

  /** @param y - minima of a run that did not rise until its end, in order of time */
  addSettled(y: Float64Array, n: number): void {
    const third = quarter(y, n, 2)
    const last = quarter(y, n, 3)
    if (last - third > kFlat * (last - y[0]!)) return
    let highest = 0
    for (let i = 0; i < n; i++) highest = Math.max(highest, y[i]!)
    this.#settled = Math.max(this.#settled, highest)
  }

  /** Runs that grew at such a rate. */
  alike(slope: number): readonly Earlier[] {
    return this.#runs.filter((earlier) => slope < earlier.slope * kAlike && earlier.slope < slope * kAlike)
  }

  save(): SavedRuns {
    return { runs: this.#runs, settled: this.#settled }
  }

  /** @throws Error where it is not of the form that `save` gives */
  restore({ runs, settled }: SavedRuns): void {
    const fits = ({ slope, durationMs, run, endedItself }: Earlier): boolean =>
      isAmount(slope) && slope >= 0 && isDuration(durationMs) && isRun(run) && typeof endedItself === 'boolean'
    need(isAmount(settled) && settled >= 0, 'a rest')
    need(runs.length <= kMaxRuns && runs.every(fits), 'earlier runs')
    this.#runs = runs.map(({ slope, durationMs, run, endedItself }) => ({ slope, durationMs, run, endedItself }))
    this.#settled = settled
  }
}

function quarter(y: Float64Array, n: number, k: number): number {
  const from = Math.floor((k * n) / 4)
  const to = Math.floor(((k + 1) * n) / 4)
  for (let i = from; i < to; i++) part[i - from] = y[i]!
  return medianInPlace(part, to - from)
}
