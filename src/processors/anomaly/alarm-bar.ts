const kWeekMs = 604_800_000
/** So many findings at one moment raise the bar a hundred-fold at most beyond what a week takes back. */
const kMostRaised = 20
/** Each finding halves the chance that is left. */
const kPerAlarm = Math.log10(2)

/**
 * How surprising something must be to be told of: what the setting allows a healthy unit, and more after each finding of any unit.
 * Each halves the share of chance findings that may follow, and time gives back what `maxPerWeek` allow: findings have to pay for
 * each other, as wealth does in alpha-investing (Foster and Stine 2008). In the long run no more than that many come by chance,
 * however many units there are; a storm of true ones is told by its most surprising.
 */
export class AlarmBar {
  readonly #perMs: number
  #raised = 0
  /** NaN: nobody has asked yet. */
  #atMs = Number.NaN

  constructor(maxPerWeek: number) {
    this.#perMs = (maxPerWeek * kPerAlarm) / kWeekMs
  }

  /** By how much the bar is higher now, in powers of ten. */
  raised(atMs: number): number {
    if (!(atMs <= this.#atMs)) {
      const sinceMs = atMs - this.#atMs
      if (sinceMs > 0) this.#raised = Math.max(0, this.#raised - sinceMs * this.#perMs)
      this.#atMs = atMs
    }
    return this.#raised
  }

  alarm(atMs: number): void {
    this.#raised = Math.min(this.raised(atMs) + kPerAlarm, kMostRaised * kPerAlarm)
  }

  get height(): number {
    return this.#raised
  }

  /** As high as it was when it was saved: how long ago that is only the clock would know, which may have been set since. */
  restore(height: number): void {
    this.#raised = Math.min(Math.max(height, 0), kMostRaised * kPerAlarm)
  }
}
