/** Items that one source may still send. What is larger than the whole bucket passes when that is full, and leaves it in debt. */
export class TokenBucket {
  readonly #perMs: number
  readonly #burst: number
  #tokens: number
  #atMs: number

  constructor(ratePerSecond: number, burst: number, nowMs: number) {
    this.#perMs = ratePerSecond / 1000
    this.#burst = burst
    this.#tokens = burst
    this.#atMs = nowMs
  }

  /** Takes `items` out if they are there. */
  take(items: number, nowMs: number): boolean {
    this.#fill(nowMs)
    if (this.#tokens < Math.min(items, this.#burst)) return false
    this.#tokens -= items
    return true
  }

  /** Takes `items` out, if need be on credit. */
  charge(items: number, nowMs: number): void {
    this.#fill(nowMs)
    this.#tokens -= items
  }

  /** How long until it is out of debt, milliseconds; 0 when it is. */
  debtMs(nowMs: number): number {
    this.#fill(nowMs)
    return this.#tokens >= 0 ? 0 : Math.ceil(-this.#tokens / this.#perMs)
  }

  #fill(nowMs: number): void {
    this.#tokens = Math.min(this.#tokens + (nowMs - this.#atMs) * this.#perMs, this.#burst)
    this.#atMs = nowMs
  }
}
