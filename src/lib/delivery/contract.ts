import type { Logger } from '../../component/logger.js'
import type { Outcome } from '../../component/outcome.js'
import type { ComponentTelemetry } from '../../component/telemetry.js'
import type { Attributes } from '../../data/attributes.js'
import type { Items, Signal } from '../../data/batch.js'
import type { Clock } from '../../util/clock.js'
import type { Overflow } from '../queue/owner.js'
import type { Storage } from './backlog.js'
import type { Parcel, QueueLimits, Size } from './bounded-queue.js'
import type { BreakerPolicy } from './circuit-breaker.js'
import type { Joining } from './picker.js'
import type { RetryPolicy, Send } from './sender.js'

export interface DeliveryPolicy {
  readonly queue: QueueLimits & {
    /** Senders at work at once. */
    readonly concurrency: number
    /** block: the caller keeps what does not fit; drop_oldest: what waits longest makes room; drop_newest: it goes. Counted. */
    readonly overflow: Overflow
  }
  readonly retry: RetryPolicy
  readonly breaker: BreakerPolicy
  /** How long shutdown goes on delivering; what is left then is dropped and counted. */
  readonly shutdownMs: number
}

export interface DeliverySettings<P extends Parcel> {
  readonly policy: DeliveryPolicy
  readonly send: Send<P>
  readonly clock: Clock
  readonly random: () => number
  readonly telemetry: ComponentTelemetry
  readonly logger: Logger
  /** What is in a parcel, by signal. */
  readonly signalsOf: (parcel: P) => Items
  /** Refusals of one lane say nothing about another; without it all parcels are of one. */
  readonly laneOf?: (parcel: P) => string
  /** Without it each parcel is a request of its own, sent as soon as a sender is free. */
  readonly joining?: Joining<P> | undefined
  /** What the spans of requests say, where the agent traces itself; without it none are made. */
  readonly tracing?: RequestTracing<P>
  /** Where parcels are kept until they are delivered; without it in memory, and what is left at the end is dropped. */
  readonly storage?: Storage<P> | undefined
  /** Told when delivery begins to fail (with the reason), and when it works again (undefined): nothing else says so. */
  readonly onHealth: (trouble: string | undefined) => void
}

export interface RequestTracing<P extends Parcel> {
  signalOf(parcel: P): Signal
  /** Of the server and the protocol, by OpenTelemetry's conventions. */
  attributesOf(signal: Signal): Attributes
}

/** Why parcels are dropped; the `reason` of the component's dropped counter. */
export type DropReason =
  | 'queue_full'
  | 'too_large'
  | 'permanent'
  | 'partial_success'
  | 'retry_exhausted'
  | 'shutdown'
  /** Of a queue on disk: its file was damaged; `drop_newest` while it could not be written. */
  | 'damaged'
  | 'disk_failed'

/** Queue, senders, retry and circuit breaker between an exporter's encoder and its wire. */
export interface Delivery<P extends Parcel> {
  /**
   * Queues parcels, all or none. `ok`: held here, every loss from now on is counted by its DropReason. `retryable`: the
   * caller still has them and nothing was counted. `permanent`: they can never fit, and are counted as `too_large`.
   */
  offer(parcels: readonly P[]): Outcome
  /** The same where parcels may be kept on a disk: resolves when they are held as safely as the configuration asks. */
  hold(parcels: readonly P[]): Promise<Outcome>
  /**
   * Why a batch of this size (bytes 0 where not known) would be refused now: what `offer` would answer, for callers to whom
   * serialising it only to be refused is dear. Undefined: offer it.
   */
  refusalOf(size: Size): Outcome | undefined
  /** @throws what opening the storage does */
  start(): Promise<void>
  /**
   * Delivers what is queued until the deadline of the policy, then drops the rest. With a storage, what is not delivered at the
   * first try stays there. Safe without start, and twice.
   */
  shutdown(): Promise<void>
}
