import type { Clock, Timer } from '../../util/clock.js'
import { codeOf, mayPass } from './disk.js'
import type { QueueOwner } from './owner.js'

/** Offers that were refused are wanted again after a second, too: with an owner that has none, the probe is all there is. */
const kProbeEveryMs = 1000
/** As much as was refused is tried, within these: less might fit where a batch does not, more is work for nothing. */
const kMinProbeBytes = 64 * 1024
const kMaxProbeBytes = 1024 * 1024

/**
 * What is wrong with the disk of a queue, told to its owner when it changes. That nothing can be read ends with a read that works; that
 * nothing can be written with a write, or with a probe: who was refused may have nothing more to offer.
 */
export class Trouble {
  readonly #owner: QueueOwner
  readonly #clock: Clock
  readonly #probe: (bytes: number) => Promise<void>
  #write: string | undefined
  #read: string | undefined
  #told: string | undefined
  #probeBytes = kMinProbeBytes
  #next: Timer | undefined
  #probing: Promise<void> | undefined
  #closed = false

  /** @param probe - writes so many bytes and takes them away again; rejects as the disk does */
  constructor(owner: QueueOwner, clock: Clock, probe: (bytes: number) => Promise<void>) {
    this.#owner = owner
    this.#clock = clock
    this.#probe = probe
  }

  /** Why nothing can be written. */
  get reason(): string | undefined {
    return this.#write
  }

  /** A call that changes the disk failed; `bytes`: so much was to be written. */
  cannotWrite(error: unknown, bytes = 0): void {
    const code = codeOf(error)
    this.#owner.error(code)
    this.#write = `the queue on disk cannot be written: ${code}`
    this.#probeBytes = Math.min(Math.max(bytes, kMinProbeBytes), kMaxProbeBytes)
    this.#tell()
    this.#probeLater()
  }

  writes(): void {
    if (this.#write === undefined) return
    this.#write = undefined
    this.#next?.cancel()
    this.#next = undefined
    this.#tell()
  }

  /** @returns whether it may work later: until then it is told of, while what is damaged is counted, and passed over */
  cannotRead(error: unknown): boolean {
    const code = codeOf(error)
    this.#owner.error(code)
    if (!mayPass(error)) return false
    this.#read = `the queue on disk cannot be read: ${code}`
    this.#tell()
    return true
  }

  reads(): void {
    if (this.#read === undefined) return
    this.#read = undefined
    this.#tell()
  }

  /** Resolves when no probe is under way. */
  async close(): Promise<void> {
    this.#closed = true
    this.#next?.cancel()
    await this.#probing
  }

  #tell(): void {
    const trouble = this.#write ?? this.#read
    if (trouble === this.#told) return
    this.#told = trouble
    this.#owner.trouble(trouble)
  }

  #probeLater(): void {
    if (this.#closed || this.#next !== undefined || this.#probing !== undefined) return
    this.#next = this.#clock.after(kProbeEveryMs, () => {
      this.#next = undefined
      this.#probing = this.#probeNow().finally(() => {
        this.#probing = undefined
        if (this.#write !== undefined) this.#probeLater()
      })
    })
  }

  async #probeNow(): Promise<void> {
    const before = this.#write
    try {
      await this.#probe(this.#probeBytes)
    } catch {
      return // what is wrong is known and counted
    }
    if (this.#write === before) this.writes()
  }
}
