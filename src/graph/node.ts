import type { Component, Consumer, Settings } from '../component/component.js'
import { type Outcome, permanent, retryable } from '../component/outcome.js'
import type { Status } from '../component/status.js'
import { type Batch, type Items, itemsOf } from '../data/batch.js'
import { Tally, without } from '../data/tally.js'
import { UnavailableError } from '../errors.js'
import type { ComponentCounters } from '../telemetry/component-counters.js'
import { bySignal } from '../telemetry/readings.js'
import { EdgeCount } from './edge.js'
import { accountsOf, columnOf, type LedgerRow } from './ledger.js'

/** Settings as the graph needs them: with counters it can read for the ledger. */
export type NodeSettings = Settings & { readonly telemetry: ComponentCounters }

/** While components are exchanged, for milliseconds or as long as one flushes: soon enough, and not a busy loop. */
const kExchangeMs = 100

type Life = 'made' | 'running' | 'unavailable' | 'stopping' | 'stopped'

/** One instance of a component in the graph: its life, its status, and what crosses its borders. */
export class Node {
  readonly settings: NodeSettings
  /** Set for processors, which have one instance in each pipeline. */
  readonly pipeline: string | undefined
  readonly #in: EdgeCount
  readonly #out: EdgeCount
  readonly #onStatus: (node: Node, status: Status) => void
  #component: (Component & Partial<Consumer>) | undefined
  #life: Life = 'made'
  /** What it says, and what is shown: not `ok` while what should outlive the process is not kept. */
  #said: Status | undefined
  #status: Status | undefined
  #unkept: string | undefined
  /** It has said how it is: then nobody else says so. */
  #reported = false
  #stopping: Promise<void> | undefined
  /** What it is handed while it does not run stays with whoever has it: another takes its place, or it is about to take one. */
  #isExchanged = false
  /** What those before it in its place left on a disk: who finds it there counts it as `produced`, and it came in already. */
  readonly #left: Tally
  /** The account of one that was gone for some time before this one: its counters were forgotten. */
  #earlier: LedgerRow | undefined
  #forward: (batch: Batch) => Promise<Outcome> = () => Promise.resolve(retryable('not joined'))

  /** @param before - whose place it takes: its counts go on, since the ledger is that of the process */
  constructor(
    settings: NodeSettings,
    pipeline: string | undefined,
    onStatus: (node: Node, status: Status) => void,
    before?: Node,
  ) {
    this.settings = { ...settings, keeping: (trouble) => this.#keeps(trouble) }
    this.pipeline = pipeline
    this.#onStatus = onStatus
    const { telemetry, id } = settings
    this.#left = Tally.of(before === undefined ? {} : before.#left)
    this.intake = { consume: (batch) => this.#take(batch) }
    if (before !== undefined) {
      this.#in = before.#in
      this.#out = before.#out
      this.#earlier = before.#earlier
      return
    }
    // What a processor takes in, it handles; what a receiver reads and an exporter delivers, only they know.
    if (id.kind === 'processor') this.#in = new EdgeCount(telemetry.processedItems)
    else
      this.#in = new EdgeCount(id.kind === 'exporter' ? telemetry.crossing('items_in', 'Items taken in.') : undefined)
    this.#out = new EdgeCount(id.kind === 'exporter' ? undefined : telemetry.crossing('items_out', 'Items passed on.'))
  }

  /** `processor batch (pipeline metrics)`, as errors and logs name it. */
  get name(): string {
    const { kind, id } = this.settings.id
    return this.pipeline === undefined ? `${kind} ${id}` : `${kind} ${id} (pipeline ${this.pipeline})`
  }

  get status(): Status {
    return this.#status ?? { state: 'starting' }
  }

  /** It runs, or would if this machine could serve it. */
  get isUp(): boolean {
    return this.#life === 'running' || this.#life === 'unavailable'
  }

  /** Makes the component, or notes why this machine cannot serve it. Other errors are the caller's. */
  make(unavailable: string | undefined, create: () => Component & Partial<Consumer>): void {
    try {
      if (unavailable !== undefined) throw new UnavailableError(unavailable)
      this.#component = create()
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error
      this.#cannotServe(error.message)
    }
  }

  /** What others hand their batches to: counted, and safe against a component that throws or does not run. */
  readonly intake: Consumer

  /**
   * Every batch comes by here as often as its pipeline has components: one promise is made, and no function is `async`.
   *
   * @param from - the other side of the border, where it is a component's
   */
  #take(batch: Batch, from?: EdgeCount): Promise<Outcome> {
    const items = itemsOf(batch)
    from?.offered(items)
    this.#in.offered(items)
    const startMs = this.settings.clock.monotonicMs()
    return this.#handOver(batch, items).then(
      (outcome) => this.#answered(outcome, items, startMs, from),
      (error: unknown) => this.#answered(this.#broken(error, items), items, startMs, from),
    )
  }

  #answered(outcome: Outcome, items: Items, startMs: number, from: EdgeCount | undefined): Outcome {
    const { id, telemetry, clock } = this.settings
    // An exporter's time is that of its sending, which may come long after it took the batch; it reports that itself.
    if (id.kind === 'processor') telemetry.durationMs(clock.monotonicMs() - startMs)
    this.#in.answered(items, outcome)
    from?.answered(items, outcome)
    return outcome
  }

  /** consume rejects only on bugs. One batch pays for it, not the pipeline. */
  #broken(error: unknown, items: Items): Outcome {
    const { telemetry, logger } = this.settings
    telemetry.dropped(items, 'internal_error')
    telemetry.error('internal_error')
    logger.error('a bug: consume threw; its batch is lost', { error })
    return permanent('internal error')
  }

  /** Never throws. */
  #handOver(batch: Batch, items: Items): Promise<Outcome> {
    if (this.#life === 'running' && this.#component?.consume !== undefined) {
      try {
        // A component written in JavaScript may answer with what is no promise.
        return Promise.resolve(this.#component.consume(batch))
      } catch (error) {
        return Promise.reject(error)
      }
    }
    if (this.#isExchanged && this.#life !== 'unavailable')
      return Promise.resolve(retryable('the configuration is being exchanged', kExchangeMs))
    const reason = this.#life === 'unavailable' ? 'unavailable' : 'not_running'
    this.settings.telemetry.dropped(items, reason)
    return Promise.resolve(permanent(`${this.name} is ${reason}`))
  }

  /** Counts what this component hands to `next`; of another component both sides of the border at once. */
  outlet(next: Consumer | Node): Consumer {
    this.redirect(next)
    return { consume: (batch) => this.#forward(batch) }
  }

  /** From now on what comes out goes there. */
  redirect(next: Consumer | Node): void {
    if (next instanceof Node) this.#forward = (batch) => next.#take(batch, this.#out)
    else {
      const counted = this.#out.counting(next)
      this.#forward = (batch) => counted.consume(batch)
    }
  }

  /** What the one before it held when it had stopped: only exporters keep something beyond that, what others hold is missing. */
  takesOver(before: LedgerRow): void {
    if (this.settings.id.kind === 'exporter') this.#left.add(columnOf(before, 'held'))
  }

  /** It was there before, and then was not: its account goes on. */
  goesOnFrom(earlier: LedgerRow): void {
    this.#earlier = earlier
    this.takesOver(earlier)
  }

  /** Until `false` nothing is dropped for want of its running. */
  exchanged(isExchanged: boolean): void {
    this.#isExchanged = isExchanged
  }

  async start(): Promise<void> {
    if (this.#life !== 'made') return
    // From here: a component may be handed batches while its start still waits for something.
    this.#life = 'running'
    this.#setStatus({ state: 'starting' })
    try {
      await this.#component?.start({ report: (status) => this.#report(status) })
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error
      this.#cannotServe(error.message)
    }
    if (this.#status?.state === 'starting' && !this.#reported) this.#setStatus({ state: 'ok' })
  }

  /** Never rejects: an error is logged and shown as `failed`, and the others go on. Called again, it is the same one. */
  shutdown(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    const unavailable = this.#life === 'unavailable'
    this.#life = 'stopping'
    if (!unavailable) this.#setStatus({ state: 'stopping' })
    try {
      await this.#component?.shutdown()
      if (!unavailable) this.#setStatus({ state: 'stopped' })
    } catch (error) {
      this.settings.logger.error('did not shut down cleanly', { error })
      this.#setStatus({ state: 'failed', reason: `shutdown: ${messageOf(error)}` })
    }
    this.#life = 'stopped'
  }

  ledgerRow(): LedgerRow {
    const { id, telemetry } = this.settings
    const counts = {
      // A receiver's source and an exporter's destination are outside: of these the component itself reports.
      in: id.kind === 'receiver' ? telemetry.processedItems : this.#in.items,
      produced: without(telemetry.producedItems, this.#left),
      out: this.#wentOut(),
      dropped: telemetry.dropsByReason,
      queued: this.#queued(),
    }
    const { logs, metrics, traces } = (id.kind === 'receiver' ? this.#out : this.#in).settled
    const before = this.#earlier?.signals ?? { logs: 0, metrics: 0, traces: 0 }
    return {
      kind: id.kind,
      id: id.id,
      ...(this.pipeline === undefined ? {} : { pipeline: this.pipeline }),
      ...accountsOf(counts, this.#earlier),
      signals: { logs: logs + before.logs, metrics: metrics + before.metrics, traces: traces + before.traces },
    }
  }

  /**
   * A receiver has what it offers until that is answered. One whose senders keep it until then (otlp, nats) counts it as read only after
   * that: what is in flight would have gone out without having come in.
   */
  #wentOut(): Items {
    const { id, telemetry } = this.settings
    if (id.kind === 'exporter') return telemetry.processedItems
    return id.kind === 'receiver' ? this.#out.settled : this.#out.items
  }

  /** What an exporter says is in its queue: on a disk that may be more than nothing when all has stopped. */
  #queued(): Items {
    const gauge = this.settings.telemetry.gauges.find(({ name }) => name === 'queue_items')
    const items = gauge === undefined ? undefined : bySignal(gauge.read)
    return typeof items === 'object' ? items : {}
  }

  #report(status: Status): void {
    // Late reports of a component being stopped would hide that it is.
    if (this.#life !== 'running') return
    this.#reported = true
    this.#setStatus(status)
  }

  #cannotServe(reason: string): void {
    this.#life = 'unavailable'
    this.#setStatus({ state: 'unavailable', reason })
  }

  #keeps(trouble: string | undefined): void {
    this.#unkept = trouble
    if (this.#said?.state === 'ok') this.#setStatus(this.#said)
  }

  #setStatus(said: Status): void {
    this.#said = said
    const isUnkept = said.state === 'ok' && this.#unkept !== undefined
    const status: Status = isUnkept ? { state: 'degraded', reason: this.#unkept! } : said
    if (this.#status !== undefined && sameStatus(this.#status, status)) return
    this.#status = status
    this.settings.telemetry.healthy = status.state === 'ok'
    this.#onStatus(this, status)
  }
}

function sameStatus(a: Status, b: Status): boolean {
  return a.state === b.state && ('reason' in a ? a.reason : '') === ('reason' in b ? b.reason : '')
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
