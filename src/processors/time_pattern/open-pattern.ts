/** Failures of which some must fit, or the pattern is over. */
const kRecent = 8
const kMinRecentFits = 3
/** A pattern is over when nothing that fits came for so many times as long as usual. */
const kSilence = 6

/** What stays open until it does not hold any more. Times are steady milliseconds. */
export class OpenPattern<T> {
  detail: T
  /** Failures that fit, and those at the last telling. */
  fits: number
  toldFits: number
  lastFitMs: number
  readonly #usualGapMs: number
  readonly #leastSilenceMs: number
  /** Newest last. */
  #recent: boolean[] = []
  /** It was read back, and nobody has said yet when now is. */
  #isRestored = false

  /**
   * @param usualGapMs - between failures that fit
   * @param leastSilenceMs - no shorter silence ends it
   */
  constructor(detail: T, fits: number, lastFitMs: number, usualGapMs: number, leastSilenceMs: number) {
    this.detail = detail
    this.fits = fits
    this.toldFits = fits
    this.lastFitMs = lastFitMs
    this.#usualGapMs = usualGapMs
    this.#leastSilenceMs = leastSilenceMs
  }

  get dueMs(): number {
    return this.lastFitMs + Math.max(kSilence * this.#usualGapMs, this.#leastSilenceMs)
  }

  /** Kept by an agent whose clock was ahead it would never be over: silence counts from now on. */
  isNow(nowMs: number): void {
    if (this.#isRestored) this.lastFitMs = Math.min(this.lastFitMs, nowMs)
    this.#isRestored = false
  }

  /** One more failure; false where too few of the newest fit. */
  take(atMs: number, fits: boolean): boolean {
    if (fits) {
      this.fits++
      this.lastFitMs = atMs
    }
    this.#recent.push(fits)
    if (this.#recent.length > kRecent) this.#recent.shift()
    return this.#recent.length < kRecent || this.#recent.filter(Boolean).length >= kMinRecentFits
  }

  get isNews(): boolean {
    return this.fits >= 2 * this.toldFits
  }

  told(): void {
    this.toldFits = this.fits
  }

  save(): SavedOpen<T> {
    const { detail, fits, toldFits } = this
    return { detail, fits, toldFits, usualGapMs: this.#usualGapMs, leastSilenceMs: this.#leastSilenceMs }
  }

  static restore<T>(
    { detail, fits, toldFits, usualGapMs, leastSilenceMs }: SavedOpen<T>,
    lastFitMs: number,
  ): OpenPattern<T> {
    if (![fits, toldFits, usualGapMs, leastSilenceMs].every(Number.isFinite))
      throw new Error('an open pattern has no numbers')
    const open = new OpenPattern(detail, fits, lastFitMs, usualGapMs, leastSilenceMs)
    open.toldFits = toldFits
    open.#isRestored = true
    return open
  }
}

/** In the state file, beside the time of the last failure that fitted. */
export interface SavedOpen<T> {
  readonly detail: T
  readonly fits: number
  readonly toldFits: number
  readonly usualGapMs: number
  readonly leastSilenceMs: number
}
