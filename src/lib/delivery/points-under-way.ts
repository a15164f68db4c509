/** Enough that a `batch` behind this fills up, whatever its `timeout`, and is not waited for once per piece. */
const kMaxPointsUnderWay = 8192

/** Metric points that were handed on and are not answered yet: so many at once, then who makes them waits. */
export class PointsUnderWay {
  readonly #sending = new Set<Promise<void>>()
  readonly #failures: unknown[] = []
  #points = 0

  get points(): number {
    return this.#points
  }

  /** Whether something was not handed on for a failure, which `end` throws. */
  get failed(): boolean {
    return this.#failures.length > 0
  }

  /** Resolves when there is room for more; never rejects. */
  async add(points: number, answer: Promise<void>): Promise<void> {
    this.#points += points
    const sending = answer
      .catch((error: unknown) => void this.#failures.push(error))
      .finally(() => {
        this.#sending.delete(sending)
        this.#points -= points
      })
    this.#sending.add(sending)
    while (this.#points > kMaxPointsUnderWay) await Promise.race(this.#sending)
  }

  /** Resolves when all is answered; rejects then with the first failure. */
  async end(): Promise<void> {
    await Promise.all(this.#sending)
    if (this.failed) throw this.#failures[0]
  }
}
