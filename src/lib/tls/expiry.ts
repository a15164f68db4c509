import type { Logger } from '../../component/logger.js'
import type { ComponentTelemetry } from '../../component/telemetry.js'
import type { Clock, Timer } from '../../util/clock.js'

const kDayMs = 86_400_000
/** Two weeks leave time to ask somebody; automatic renewal is long done by then (a third of the life is left: certbot, cert-manager). */
const kAheadMs = 14 * kDayMs
const kLookEveryMs = 3_600_000

/** Warns of certificates that are about to expire, once a day each: connections live for weeks, and the next one fails. */
export class Expiry {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #timer: Timer
  readonly #ends = new Map<string, number>()
  readonly #saidMs = new Map<string, number>()

  constructor({ clock, logger, telemetry }: { clock: Clock; logger: Logger; telemetry: ComponentTelemetry }) {
    this.#clock = clock
    this.#logger = logger
    this.#timer = clock.every(kLookEveryMs, () => this.#look())
    telemetry.gauge('tls_certificate_days_left', 'Until the own TLS certificate expires; 0 without one', 'd', () => {
      const end = this.#ends.get('own')
      return end === undefined ? 0 : (end - this.#nowMs()) / kDayMs
    })
  }

  /** @param endMs - milliseconds since 1970 */
  own(endMs: number): void {
    this.#seen('own', endMs)
  }

  /**
   * What a server has shown.
   *
   * @param name - few, such as those of the configuration
   * @param validTo - as `tls.TLSSocket.getPeerCertificate` tells it: `Nov 29 21:00:00 2026 GMT`
   */
  server(name: string, validTo: string | undefined): void {
    const endMs = Date.parse(validTo ?? '')
    if (!Number.isNaN(endMs)) this.#seen(name, endMs)
  }

  close(): void {
    this.#timer.cancel()
  }

  #seen(whose: string, endMs: number): void {
    if (this.#ends.get(whose) !== endMs) this.#saidMs.delete(whose)
    this.#ends.set(whose, endMs)
    this.#look()
  }

  #look(): void {
    for (const [whose, endMs] of this.#ends) {
      const leftMs = endMs - this.#nowMs()
      const said = this.#saidMs.get(whose)
      const now = this.#clock.monotonicMs()
      if (leftMs > kAheadMs || (said !== undefined && now - said < kDayMs)) continue
      this.#saidMs.set(whose, now)
      const message = leftMs > 0 ? 'a TLS certificate expires soon' : 'a TLS certificate has expired'
      this.#logger.warn(message, { certificate: whose, expires: new Date(endMs).toISOString() })
    }
  }

  #nowMs(): number {
    return Number(this.#clock.unixNano() / 1_000_000n)
  }
}
