import { type Outcome, ok, permanent, retryable } from '../../component/outcome.js'
import { totalOf, without } from '../../data/tally.js'
import { assertNever } from '../../util/assert-never.js'
import { sleep, type Timer } from '../../util/clock.js'
import type { QueueOwner } from '../queue/owner.js'
import { Account } from './account.js'
import { Backlog, type Storage } from './backlog.js'
import { BoundedQueue, type Parcel, type QueueLimits, type Size, sizeOf } from './bounded-queue.js'
import { CircuitBreaker } from './circuit-breaker.js'
import type { Delivery, DeliverySettings } from './contract.js'
import { DeliveryHealth } from './health.js'
import { HandsOf } from './in-hand.js'
import { type Joining, Picker } from './picker.js'
import { beginRequestSpan, type RequestSpan } from './request-span.js'
import { deliver } from './sender.js'

export type { Delivery, DeliveryPolicy, DeliverySettings, DropReason } from './contract.js'

/** How long a refused caller is asked to wait: senders free room within a round trip. */
const kRefusedAfterMs = 100

/** The same for one whom the disk refuses: room there comes back in steps, and an offer costs a write. */
const kDiskRefusedAfterMs = 1000

/** Of parcels that are on disk, so much is in memory: some seconds of work for all senders. */
const kMaxWindowBytes = 8 * 1024 * 1024

export function createDelivery<P extends Parcel>(settings: DeliverySettings<P>): Delivery<P> {
  return new QueuedDelivery(settings)
}

/** draining: nothing more is taken in, senders end when the queue is empty. */
type State =
  | { readonly kind: 'idle' | 'running' }
  | { readonly kind: 'draining' | 'stopped'; readonly done: Promise<void> }

class QueuedDelivery<P extends Parcel> implements Delivery<P> {
  readonly #settings: DeliverySettings<P>
  readonly #queue: BoundedQueue<P>
  readonly #breaker: CircuitBreaker
  readonly #hands: HandsOf<P>
  readonly #picker: Picker<P>
  readonly #laneOf: (parcel: P) => string
  #due: { readonly atMs: number; readonly timer: Timer } | undefined
  #outOfTime = false
  #state: State = { kind: 'idle' }
  #workers: Promise<void>[] = []
  /** What resumes each worker that has nothing to do. */
  #idle: (() => void)[] = []
  readonly #health: DeliveryHealth
  readonly #account: Account<P>
  #backlog: Backlog<P> | undefined

  constructor(settings: DeliverySettings<P>) {
    this.#settings = settings
    this.#laneOf = settings.laneOf ?? (() => '')
    this.#queue = new BoundedQueue(windowOf(settings), this.#laneOf, settings.signalsOf)
    this.#breaker = new CircuitBreaker(settings.policy.breaker, settings.clock)
    this.#hands = new HandsOf(settings.clock)
    this.#picker = new Picker(this.#queue, this.#joining(), settings.clock)
    this.#health = new DeliveryHealth(settings.onHealth)
    this.#account = new Account(settings, this.#health)
    const { telemetry } = settings
    telemetry.gauge('queue_items', 'Items queued or being sent', '{item}', () => this.#held.signals)
    telemetry.gauge('queue_bytes', 'Bytes queued or being sent', 'By', () => this.#held.bytes)
    telemetry.gauge('breaker_state', 'Circuit breaker: 0 closed, 1 half-open, 2 open', '1', () => this.#breaker.gauge)
  }

  refusalOf(size: Size): Outcome | undefined {
    if (this.#state.kind === 'draining' || this.#state.kind === 'stopped') return retryable('shutting down')
    if (this.#backlog !== undefined) return undefined
    const mayHaveRoom = this.#settings.policy.queue.overflow !== 'block' || this.#queue.fits(size)
    if (mayHaveRoom || !this.#queue.couldFit(size)) return undefined
    return retryable('the sending queue is full', kRefusedAfterMs)
  }

  offer(parcels: readonly P[]): Outcome {
    const size = sizeOf(parcels)
    const refusal = this.refusalOf(size)
    if (refusal !== undefined) return refusal
    const queue = this.#queue
    if (!queue.couldFit(size)) return this.#tooLarge(parcels)
    if (!this.#makeRoom(size)) {
      if (this.#settings.policy.queue.overflow !== 'drop_newest')
        return retryable('the sending queue is full', kRefusedAfterMs)
      this.#account.droppedAll(parcels, 'queue_full')
      return permanent('the sending queue is full')
    }
    for (const parcel of parcels) queue.push(parcel)
    this.#wake()
    return ok
  }

  /** What is being retried is older than what still waits, and may fill the queue alone while the server is away. */
  #makeRoom(size: Size): boolean {
    const queue = this.#queue
    while (!queue.fits(size)) {
      if (this.#settings.policy.queue.overflow === 'drop_newest') return false
      const oldest = this.#hands.evictWaiting() ?? queue.take()
      if (oldest === undefined) return false
      queue.release(oldest)
      this.#account.droppedAll([oldest], 'queue_full')
    }
    return true
  }

  async hold(parcels: readonly P[]): Promise<Outcome> {
    if (this.#backlog === undefined) return this.offer(parcels)
    const size = sizeOf(parcels)
    const refusal = this.refusalOf(size)
    if (refusal !== undefined) return refusal
    const kept = await this.#backlog.keep(parcels, size)
    switch (kept.kind) {
      case 'kept':
        return ok
      case 'refused':
        return retryable(kept.reason, kDiskRefusedAfterMs)
      case 'dropped':
        return permanent(kept.reason)
      case 'too_large':
        return this.#tooLarge(parcels)
      default:
        return assertNever(kept)
    }
  }

  #tooLarge(parcels: readonly P[]): Outcome {
    const reason =
      'larger than the whole sending queue: raise its limits, or lower send_batch_max_size of the batch processor'
    this.#account.tooLarge(parcels, reason)
    return permanent(reason)
  }

  async start(): Promise<void> {
    if (this.#state.kind !== 'idle') return
    const { storage } = this.#settings
    if (storage !== undefined) await this.#open(storage)
    if (this.#state.kind !== 'idle') return
    this.#state = { kind: 'running' }
    this.#workers = Array.from({ length: this.#settings.policy.queue.concurrency }, () => this.#work())
  }

  async #open(storage: Storage<P>): Promise<void> {
    const { telemetry, logger } = this.#settings
    const opened = await storage.open(this.#queueOwner(storage))
    // The extension says so.
    if ('volatile' in opened) return
    this.#backlog = new Backlog(opened.queue, storage, this.#settings.clock, {
      fits: (size) => this.#queue.fits(size),
      signalsOf: this.#settings.signalsOf,
      isEmpty: () => this.#queue.bytes === 0,
      push: (parcel) => {
        this.#queue.push(parcel)
        this.#wake()
      },
      unknown: (items) => this.#account.dropped({ unknown: items }, 'damaged'),
    })
    // An earlier process took them in; this one has them all the same.
    telemetry.produced({ unknown: opened.restored })
    if (opened.restored > 0) logger.info('an earlier process left data to deliver', { items: opened.restored })
    void this.#backlog.fill()
  }

  #queueOwner(storage: Storage<P>): QueueOwner {
    const { telemetry, logger } = this.#settings
    return {
      evict: (isOf) => this.#evict((parcel) => this.#backlog?.placesOf(parcel).some(isOf) === true),
      dropped: (items, reason) => this.#account.dropped(items, reason),
      error: (code) => telemetry.error(code.toLowerCase()),
      trouble: (reason) => this.#health.disk(reason),
      damaged: (path, { items, kept }) =>
        logger.error(
          `a file of the queue is damaged; what was lost is counted, and the file ${kept ? 'kept' : 'could not be kept'}`,
          { path, items },
        ),
      found: (items) => telemetry.produced({ unknown: items }),
      signalsOf: (kept) => {
        const parcel = storage.parcelOf(kept)
        return parcel === undefined ? { unknown: kept.items } : this.#settings.signalsOf(parcel)
      },
      known: (items) => telemetry.produced(without(items, { unknown: totalOf(items) })),
    }
  }

  /** The queue on disk gives up its oldest segment: what of it is in memory and not on the wire goes, too. */
  #evict(isOf: (parcel: P) => boolean): void {
    const giveUp = (parcel: P): void => {
      this.#queue.release(parcel)
      this.#account.droppedAll([parcel], 'queue_full')
      void this.#backlog!.settle(parcel)
    }
    for (let one = this.#hands.evictWaiting(isOf); one !== undefined; one = this.#hands.evictWaiting(isOf)) giveUp(one)
    while (this.#queue.first !== undefined && isOf(this.#queue.first)) giveUp(this.#queue.take()!)
  }

  /** All there is to deliver. */
  get #held(): Pick<BoundedQueue<P>, 'signals' | 'bytes'> {
    return this.#backlog ?? this.#queue
  }

  #joining(): Joining<P> | undefined {
    const { joining } = this.#settings
    if (joining === undefined) return undefined
    const join = (parcels: readonly P[]): P => {
      const whole = joining.join(parcels)
      return this.#backlog === undefined ? whole : this.#backlog.joined(parcels, whole)
    }
    return { intervalMs: (parcel) => joining.intervalMs(parcel), maxBytes: joining.maxBytes, join }
  }

  shutdown(): Promise<void> {
    const state = this.#state
    if (state.kind === 'draining' || state.kind === 'stopped') return state.done
    const done = this.#drain()
    this.#state = { kind: 'draining', done }
    this.#due?.timer.cancel()
    if (this.#backlog !== undefined) this.#hands.endWaits()
    for (const resume of this.#idle.splice(0)) resume()
    return done
  }

  async #drain(): Promise<void> {
    const { clock, policy } = this.#settings
    // Lets `shutdown` set the state first: workers must see `draining` when they wake.
    await Promise.resolve()
    const drained = new AbortController()
    const workers = Promise.all(this.#workers).then(() => drained.abort())
    await sleep(clock, policy.shutdownMs, drained.signal)
    this.#outOfTime = true
    this.#hands.abortAll()
    await workers
    for (let parcel = this.#queue.take(); parcel !== undefined; parcel = this.#queue.take()) {
      this.#queue.release(parcel)
      if (this.#backlog === undefined) this.#account.droppedAll([parcel], 'shutdown')
    }
    await this.#backlog?.close()
    this.#state = { kind: 'stopped', done: Promise.resolve() }
  }

  async #work(): Promise<void> {
    const { policy, clock, random } = this.#settings
    let span: RequestSpan<P> | undefined
    const send = (parcel: P, signal: AbortSignal) => {
      span?.tries()
      return this.#settings.send(parcel, signal)
    }
    const onRetry = (reason: string, waitMs: number): void => {
      this.#account.failing(reason, this.#breaker.state.kind === 'open')
      span?.failed(reason, waitMs)
    }
    const sender = { send, retry: policy.retry, breaker: this.#breaker, clock, random, onRetry }
    while (!this.#outOfTime) {
      const draining = this.#state.kind === 'draining'
      const parcel = this.#picker.take(draining)
      if (parcel === undefined) {
        if (draining && this.#backlog === undefined) return
        if (draining) {
          await this.#backlog!.fill()
          if (this.#queue.first === undefined) return
          continue
        }
        const resumed = new Promise<void>((resolve) => this.#idle.push(resolve))
        this.#wake()
        await resumed
        continue
      }
      this.#wake() // there may be work for another
      const startMs = clock.monotonicMs()
      const hand = this.#hands.take(parcel)
      span = beginRequestSpan(this.#settings, parcel)
      const fate = await deliver(hand, sender)
      const isOurs = this.#hands.settle(hand)
      span?.end(isOurs ? fate : 'evicted')
      if (!isOurs) continue
      this.#queue.release(parcel)
      this.#settings.telemetry.durationMs(clock.monotonicMs() - startMs)
      this.#account.settled(parcel, fate, this.#laneOf(parcel), this.#backlog !== undefined)
      if (this.#backlog === undefined) continue
      if (fate.kind !== 'aborted') await this.#backlog.settle(parcel)
      // The server is away, and what is on disk has time.
      else if (this.#state.kind === 'draining') return
      if (this.#queue.bytes * 2 < kMaxWindowBytes) void this.#backlog.fill()
    }
  }

  #wakeAfter(ms: number): void {
    const { clock } = this.#settings
    const atMs = clock.monotonicMs() + ms
    if (this.#due !== undefined && this.#due.atMs <= atMs) return
    this.#due?.timer.cancel() // of a lane that is due later
    const timer = clock.after(ms, () => {
      this.#due = undefined
      this.#wake()
    })
    this.#due = { atMs, timer }
  }

  /** Resumes one worker if something is due: it resumes the next. Else sees to it that one is when something will be. */
  #wake(): void {
    if (this.#idle.length === 0) return
    const dueInMs = this.#picker.dueInMs(this.#state.kind === 'draining')
    if (dueInMs === undefined) return
    if (dueInMs > 0) this.#wakeAfter(dueInMs)
    else this.#idle.pop()!()
  }
}

function windowOf<P extends Parcel>({ policy, storage }: DeliverySettings<P>): QueueLimits {
  if (storage === undefined) return policy.queue
  return { maxItems: policy.queue.maxItems, maxBytes: Math.min(policy.queue.maxBytes, kMaxWindowBytes) }
}
