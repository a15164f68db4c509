import type { Clock, Timer } from '../../util/clock.js'

/** daemon-reload of 1000 units takes 0.8 s. A reload that takes longer than this may be over without having said so. */
const kAskAfterMs = 30_000
/** So often at most is quiet waited for: a bus that is never quiet must not hide the units for ever. */
const kMaxLooks = 30

export interface ReloadWatchOptions {
  readonly clock: Clock
  /** Without a message for this long, on a bus where systemd answers, all that it had sent has come. */
  readonly quietMs: number
  /** Messages read from the bus so far. */
  readonly messages: () => number
  /** Has systemd asked for a sign of life; the answer comes to `answered`. */
  readonly ask: () => void
  /** The reload is over, and its end was not told. */
  readonly onOver: () => void
}

/**
 * Waits for a reload whose end is not told: PID 1 drops its bus connection while it executes itself anew, so
 * Reloading(false) can be missed. How long it takes proves nothing, and believing too early that it is over turns the
 * announcements of all units into stops. But PID 1 answers nothing while it reloads, and sends Reloading(false) before it
 * answers again (decision 0055). So:
 *
 *     begun --30 s--> asking --answer--> signals on their way --quiet--> over
 */
export class ReloadWatch {
  readonly #options: ReloadWatchOptions
  #reload: number | undefined
  #asking = false
  #timer: Timer | undefined

  constructor(options: ReloadWatchOptions) {
    this.#options = options
  }

  /** The reload being waited for; to be kept when systemd is asked, and handed to `answered`. */
  get reload(): number | undefined {
    return this.#reload
  }

  /** @param reload - the number of the reload under way, undefined when there is none */
  follow(reload: number | undefined): void {
    if (reload === this.#reload) return
    this.#timer?.cancel()
    this.#asking = false
    this.#reload = reload
    if (reload === undefined) return
    this.#timer = this.#options.clock.after(kAskAfterMs, () => {
      this.#asking = true
      this.#options.ask()
    })
  }

  /** systemd answered what it was asked during `reload`. */
  answered(reload: number | undefined): void {
    if (!this.#asking || reload === undefined || reload !== this.#reload) return
    this.#asking = false
    this.#awaitQuiet(1)
  }

  #awaitQuiet(look: number): void {
    const { clock, quietMs, messages, onOver } = this.#options
    const before = messages()
    this.#timer = clock.after(quietMs, () => {
      if (messages() !== before && look < kMaxLooks) this.#awaitQuiet(look + 1)
      else onOver()
    })
  }
}
