import type { Clock, Timer } from '../../util/clock.js'

/** How often it is looked for files that have become too old. */
const kEveryMs = 60_000

/** Looks after old files beside the writing: one look at a time, and none while files are renamed. */
export class Tidying {
  readonly #clock: Clock
  readonly #tidy: (signal: AbortSignal) => Promise<void>
  readonly #onFailure: (error: Error) => void
  #timer: Timer | undefined
  /** Looks and renames, one after the other. */
  #last: Promise<void> = Promise.resolve()
  #isWaiting = false
  readonly #stopped = new AbortController()

  constructor(clock: Clock, tidy: (signal: AbortSignal) => Promise<void>, onFailure: (error: Error) => void) {
    this.#clock = clock
    this.#tidy = tidy
    this.#onFailure = onFailure
  }

  /** Looks at once, at the leftovers of an earlier run, and then each minute. */
  start(): void {
    this.#timer = this.#clock.every(kEveryMs, () => this.#look())
    this.#look()
  }

  /** Renames files while nobody else touches them: one that is being compressed is waited for. Then it is looked again. */
  async pausedFor(rename: () => Promise<void>): Promise<void> {
    const renamed = this.#last.then(rename)
    this.#last = renamed.catch(() => {}) // it is the caller's
    await renamed
    this.#look()
  }

  /** What is half compressed is left as it was. */
  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#stopped.abort()
    await this.#last
  }

  #look(): void {
    if (this.#isWaiting || this.#stopped.signal.aborted) return
    this.#isWaiting = true
    this.#last = this.#last
      .then(() => {
        this.#isWaiting = false
        return this.#tidy(this.#stopped.signal)
      })
      .catch(this.#onFailure)
  }
}
