import type { Logger } from '../../component/logger.js'
import type { ComponentTelemetry } from '../../component/telemetry.js'
import { CircuitBreaker } from '../../lib/delivery/circuit-breaker.js'
import type { SendResult } from '../../lib/delivery/sender.js'
import type { EncodedRequest } from '../../lib/otlp/encode.js'
import type { Clock } from '../../util/clock.js'
import type { Channel } from './channel.js'

/** One failure may be a connection that was closed at this moment; three in a row are a server that is away. */
const kFailures = 3

export type Strategy = 'failover' | 'round_robin'

export interface Named {
  /** `host:port`. */
  readonly name: string
  readonly channel: Channel
}

export interface EndpointsSettings {
  readonly strategy: Strategy
  /** How long an endpoint that is away is left alone. */
  readonly openMs: number
  readonly clock: Clock
  readonly logger: Logger
  readonly telemetry: ComponentTelemetry
}

/**
 * Several servers as one. A request is offered to one server after the other until one has taken it, or refused it for good;
 * where it was in vain it is the caller's to repeat, as with one server. It is never sent to two that may both take it,
 * unless the first has not answered.
 *
 *     failover      the first in the list that is not away; back to it as soon as a request came through again
 *     round_robin   one after the other, those that are away left out
 */
export class Endpoints implements Channel {
  readonly #settings: EndpointsSettings
  readonly #all: readonly Endpoint[]
  #next = 0

  constructor(named: readonly Named[], settings: EndpointsSettings) {
    this.#settings = settings
    this.#all = named.map((one, index) => new Endpoint(one, index + 1, settings))
    settings.telemetry.gauge(
      'endpoints_healthy',
      'Endpoints that are not away',
      '{endpoint}',
      () => this.#all.filter(({ healthy }) => healthy).length,
    )
  }

  async export(request: EncodedRequest, signal: AbortSignal, onSent: () => void): Promise<SendResult> {
    const order = this.#order()
    const failures: { readonly reason: string; readonly afterMs: number }[] = []
    const restMs: number[] = []
    for (const endpoint of order) {
      if (!endpoint.admits()) {
        restMs.push(endpoint.restMs)
        continue
      }
      // Where one has not answered it may still be reading the bytes while the next one takes them.
      const result = await endpoint.try(request, signal, failures.length === 0 ? onSent : () => {})
      if (result.kind !== 'retryable' || signal.aborted) return result
      failures.push({ reason: `${endpoint.name}: ${result.reason}`, afterMs: result.afterMs ?? 0 })
    }
    if (failures.length === 0) return this.#tryAny(order, request, signal, onSent)
    // One that asks to be left alone speaks for itself: whoever is back sooner is tried then.
    const afterMs = Math.min(...failures.map((one) => one.afterMs), ...restMs)
    const reason = failures.map((one) => one.reason).join('; ')
    return afterMs === 0 ? { kind: 'retryable', reason } : { kind: 'retryable', reason, afterMs }
  }

  /** All are away. The pace is the caller's, who has a breaker, too: one is tried, unless all have said when to come back. */
  #tryAny(
    order: readonly Endpoint[],
    request: EncodedRequest,
    signal: AbortSignal,
    onSent: () => void,
  ): Promise<SendResult> | SendResult {
    const soonest = order.reduce((best, one) => (one.restMs < best.restMs ? one : best))
    const { askedMs } = soonest
    if (askedMs === 0) return soonest.try(request, signal, onSent)
    return { kind: 'retryable', reason: `${soonest.name}: has asked to be left alone`, afterMs: askedMs }
  }

  close(): void {
    for (const { channel } of this.#all) channel.close()
  }

  #order(): readonly Endpoint[] {
    if (this.#settings.strategy === 'failover') return this.#all
    const first = this.#next
    this.#next = (first + 1) % this.#all.length
    return [...this.#all.slice(first), ...this.#all.slice(0, first)]
  }
}

class Endpoint {
  readonly name: string
  readonly channel: Channel
  readonly #settings: EndpointsSettings
  readonly #breaker: CircuitBreaker
  readonly #requests: (add: number) => void
  readonly #failures: (add: number) => void
  /** Until then the server wants no request. */
  #askedUntilMs = 0

  constructor({ name, channel }: Named, number: number, settings: EndpointsSettings) {
    const { clock, telemetry, openMs } = settings
    this.name = name
    this.channel = channel
    this.#settings = settings
    this.#breaker = new CircuitBreaker({ failureThreshold: kFailures, openMs }, clock)
    this.#requests = telemetry.counter(
      `endpoint_${number}_requests`,
      `Requests offered to endpoint ${number} of the list`,
    )
    this.#failures = telemetry.counter(`endpoint_${number}_failures`, `Those it did not take, and that are repeated`)
  }

  get healthy(): boolean {
    return this.#breaker.state.kind === 'closed'
  }

  /** For how long it has asked to be left alone. */
  get askedMs(): number {
    return Math.max(this.#askedUntilMs - this.#settings.clock.monotonicMs(), 0)
  }

  /** How long it is to be left alone in all; one that is being tried at this moment comes last. */
  get restMs(): number {
    const { state } = this.#breaker
    const openMs = state.kind === 'open' ? state.untilMs - this.#settings.clock.monotonicMs() : 0
    const probingMs = state.kind === 'half_open' ? this.#settings.openMs : 0
    return Math.max(openMs, probingMs, this.askedMs)
  }

  /** Whether to offer it a request; `try` must follow then. */
  admits(): boolean {
    return this.askedMs === 0 && this.#breaker.admit() === 0
  }

  async try(request: EncodedRequest, signal: AbortSignal, onSent: () => void): Promise<SendResult> {
    const { clock, logger } = this.#settings
    const { healthy } = this
    this.#requests(1)
    const result = await this.channel.export(request, signal, onSent)
    if (result.kind !== 'retryable') {
      this.#breaker.succeeded()
      if (!healthy) logger.info('an endpoint is back', { endpoint: this.name })
      return result
    }
    if (signal.aborted) {
      this.#breaker.abandoned()
      return result
    }
    this.#failures(1)
    if (result.afterMs === undefined) this.#breaker.failed()
    else {
      // It is there, and says when it wants more.
      this.#askedUntilMs = clock.monotonicMs() + result.afterMs
      this.#breaker.abandoned()
    }
    if (healthy && !this.healthy)
      logger.warn('an endpoint is away; others are used', { endpoint: this.name, reason: result.reason })
    return result
  }
}
