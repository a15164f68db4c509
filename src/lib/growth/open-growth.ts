import type { ReadTimes, SavedTimes } from '../storage/saved-values.js'
import { type Ending, type Growing, readGrowing, type SavedGrowing, saveGrowing } from './growing.js'
import { kLevels } from './minima-pyramid.js'
import { isAmount, need } from './saved.js'

/** A growth that was told of and has not ended. */
export interface SavedOpen {
  readonly level: number
  readonly told: SavedGrowing
  readonly latest: SavedGrowing
  readonly markUsec: number | null
  readonly mark: number
  readonly toldInRun: boolean
}

/** Told again when there is half the time left, and when the rate has doubled or halved. */
const kNews = 2
/** Progress below this share of what was told is an end of growth. */
const kStillGrowing = 0.25
/** Windows that an end must last for at least. */
const kMinHeld = 4

export class OpenGrowth {
  /** Of the windows in which it is seen. */
  #level: number
  #told: Growing
  #latest: Growing
  /** From where progress is measured; undefined at the beginning of a run. */
  #markMs: number | undefined
  #mark: number
  #toldInRun = true
  /** False after a restart of the agent: what stands is told again, for those who remember nothing. */
  #toldSinceStart = true

  constructor(level: number, growing: Growing) {
    this.#level = level
    this.#told = growing
    this.#latest = growing
    this.#markMs = growing.atMs
    this.#mark = growing.current
  }

  get level(): number {
    return this.#level
  }

  get latest(): Growing {
    return this.#latest
  }

  /** Whether the present run has grown, too. */
  get isOfThisRun(): boolean {
    return this.#toldInRun
  }

  beginRun(): void {
    this.#markMs = undefined
    this.#toldInRun = false
  }

  /** What an agent kept whose clock was ahead is of now: a time that is to come would not be read back. */
  isNow(nowMs: number): void {
    if (this.#told.atMs > nowMs) this.#told = { ...this.#told, atMs: nowMs }
    if (this.#latest.atMs > nowMs) this.#latest = { ...this.#latest, atMs: nowMs }
    if (this.#markMs !== undefined && this.#markMs > nowMs) this.#markMs = undefined
  }

  /** It goes on; returns what is worth being told, such as a further run that grows alike. */
  goesOn(level: number, growing: Growing): Growing | undefined {
    this.#level = level
    this.#latest = { ...growing, phase: 'updated' }
    const { slope, toLimit } = this.#told
    const isNews =
      !this.#toldInRun ||
      !this.#toldSinceStart ||
      growing.toLimit.likelyMs < toLimit.likelyMs / kNews ||
      growing.slope > slope * kNews ||
      growing.slope < slope / kNews
    if (!isNews) return undefined
    this.#toldInRun = true
    this.#toldSinceStart = true
    this.#told = this.#latest
    return this.#latest
  }

  /**
   * How it stands after a window of its level: over, or not.
   *
   * @param newest - minimum of that window
   * @param from - when and with what the run began
   * @param widthMs - of the window
   * @param minMs - for how long it must have stood still at least
   */
  ending(
    atMs: number,
    newest: number,
    from: { readonly atMs: number; readonly value: number },
    widthMs: number,
    minMs: number,
  ): Ending | undefined {
    // Kept by an agent whose clock was ahead, or not yet begun.
    if (this.#markMs === undefined || this.#markMs > atMs) {
      this.#markMs = from.atMs
      this.#mark = from.value
    }
    const { slope, durationMs, current } = this.#latest
    if (this.#toldInRun && newest < from.value + (current - from.value) / 2) return 'freed'
    const passedMs = atMs - this.#markMs
    if (passedMs < Math.max(minMs, durationMs / 2, kMinHeld * widthMs)) return undefined
    if (newest - this.#mark < kStillGrowing * slope * passedMs) return 'stopped_growing'
    this.#markMs = atMs
    this.#mark = newest
    return undefined
  }

  ended(ending: Ending, atMs: number, current = this.#latest.current): Growing {
    return { ...this.#latest, phase: 'cleared', ending, atMs, current }
  }

  save(times: SavedTimes): SavedOpen {
    return {
      level: this.#level,
      told: saveGrowing(this.#told, times),
      latest: saveGrowing(this.#latest, times),
      markUsec: this.#markMs === undefined ? null : times.usec(this.#markMs),
      mark: this.#mark,
      toldInRun: this.#toldInRun,
    }
  }

  /** @throws Error where it is not of the form that `save` gives */
  static read({ level, told, latest, markUsec, mark, toldInRun }: SavedOpen, times: ReadTimes): OpenGrowth {
    need(Number.isInteger(level) && level >= 0 && level < kLevels && typeof toldInRun === 'boolean', 'a level')
    need(isAmount(mark), 'a mark')
    const open = new OpenGrowth(level, readGrowing(latest, times))
    open.#told = readGrowing(told, times)
    open.#toldSinceStart = false
    open.#markMs = markUsec === null ? undefined : times.ms(markUsec)
    open.#mark = mark
    open.#toldInRun = toldInRun
    return open
  }
}
