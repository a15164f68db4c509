import type { SignalReader } from '../../binding/signal-source.js'
import type { RawEvent } from '../../data/event.js'
import type { SignalRecord } from '../../data/signal-record.js'
import { stableReason } from '../../lib/systemd/bus.js'
import { CallError, type ControlPlane } from '../../lib/systemd/control-plane.js'
import type { Timer } from '../../util/clock.js'
import type { RecordQueue } from './record-queue.js'
import { Synchroniser } from './synchroniser.js'
import type { WatcherOptions } from './watcher.js'

/** How often systemd is asked whether it is alive: a hung PID 1 sends nothing, and nothing else tells. */
const kPingIntervalMs = 10_000
/** How often configurations of new units are read, if there are any. */
const kFactsIntervalMs = 2000
/** Between the two looks of a reconcile: a signal is on its way for `max_latency` at most, by default 0.1 s. */
const kSecondLookMs = 1000
/** Wait after a reading that failed while the connection holds. */
const kRetryMs = 1000
/** daemon-reload of 1000 units takes 0.8 s. After this its end was missed. */
const kMaxReloadMs = 30_000

/** What a session does by itself, most urgent first; one at a time, so calls never pile up on a systemd that hangs. */
const tasks = ['synchronise', 'ping', 'secondLook', 'reconcile', 'facts'] as const
type Task = (typeof tasks)[number]

interface SessionOptions extends WatcherOptions {
  readonly queue: RecordQueue
  readonly onUp: (up: boolean) => void
}

/** One connection's life, from connecting to its end. */
export class Session {
  readonly #options: SessionOptions
  readonly #due = new Set<Task>(['synchronise'])
  readonly #timers: Timer[] = []
  readonly #once = new Map<Task, Timer>()
  readonly #connected = new Signal<void>()
  readonly #over = new Signal<string>()
  #wake = new Signal<void>()
  #reloadTimer: Timer | undefined
  #synchronised = false

  constructor(options: SessionOptions) {
    this.#options = options
    options.queue.begin()
  }

  get synchronised(): boolean {
    return this.#synchronised
  }

  /** Records of the reader, in order. */
  take(records: readonly SignalRecord[]): void {
    const { queue, onEvents } = this.#options
    for (const record of records) {
      if (record.kind === 'connected') this.#connected.set()
      else if (record.kind === 'disconnected') this.#over.set(record.reason)
      else if (record.kind === 'reloading') this.#watchReload(record.active)
    }
    onEvents(queue.take(records))
    this.#wakeForGap()
  }

  /** Works until the connection is over or `signal` aborts. Resolves with the reason; never rejects. */
  async run(reader: SignalReader, signal: AbortSignal): Promise<string> {
    const abort = (): void => this.#over.set('stopped')
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    let plane: ControlPlane | undefined
    try {
      // Match rules first: what happens from here on is in the queue, whatever the snapshot shows.
      await Promise.race([this.#connected.promise, this.#over.promise])
      if (this.#over.isSet) return await this.#over.promise
      plane = await this.#options.connect(this.#options.address)
      void plane.closed.then((reason) => this.#over.set(reason))
      this.#startTimers()
      await this.#work(plane, reader)
    } catch (error) {
      this.#over.set(error instanceof Error ? error.message : String(error))
    } finally {
      signal.removeEventListener('abort', abort)
      this.#reloadTimer?.cancel()
      for (const timer of [...this.#timers, ...this.#once.values()]) timer.cancel()
      plane?.close()
    }
    return this.#over.promise
  }

  /** What was held back when the connection ended: it is true, and older than the gap that begins now. */
  end(): RawEvent[] {
    return this.#synchronised ? this.#options.queue.resume() : []
  }

  async #work(plane: ControlPlane, reader: SignalReader): Promise<void> {
    const synchroniser = new Synchroniser({ ...this.#options, plane, reader })
    while (!this.#over.isSet) {
      const task = tasks.find((name) => this.#due.has(name))
      if (task === undefined) {
        await Promise.race([this.#wake.promise, this.#over.promise])
        this.#wake = new Signal()
        continue
      }
      this.#due.delete(task)
      try {
        const answered = await this.#perform(task, plane, synchroniser)
        if (answered) this.#options.onUp(true)
        if (answered && this.#synchronised) this.#options.onStatus({ state: 'ok' })
      } catch (error) {
        if (!(error instanceof CallError)) throw error
        this.#failed(task, error)
      }
    }
  }

  /** False when there was nothing to ask: that says nothing of systemd's health. */
  async #perform(task: Task, plane: ControlPlane, synchroniser: Synchroniser): Promise<boolean> {
    const { queue, onEvents } = this.#options
    switch (task) {
      case 'synchronise':
        await plane.subscribe()
        onEvents(await synchroniser.synchronise(queue.gap))
        queue.closeGap()
        this.#synchronised = true
        onEvents(queue.resume())
        this.#wakeForGap()
        return true
      case 'ping':
        await plane.ping()
        return true
      case 'reconcile':
        if (await synchroniser.firstLook()) this.#later('secondLook', kSecondLookMs)
        return true
      case 'secondLook':
        onEvents(await synchroniser.secondLook())
        return true
      case 'facts': {
        const events = await synchroniser.readFacts()
        onEvents(events ?? [])
        return events !== undefined
      }
    }
  }

  #failed(task: Task, error: CallError): void {
    const { onUp, onStatus } = this.#options
    if (this.#over.isSet) return
    onUp(false)
    onStatus({ state: 'degraded', reason: `systemd does not answer: ${stableReason(error.message)}` })
    // The others come round by themselves, once it answers again.
    this.#later(task === 'synchronise' ? task : 'ping', kRetryMs)
  }

  #startTimers(): void {
    const { clock } = this.#options.settings
    const every = (task: Task, ms: number): void => {
      if (ms > 0) this.#timers.push(clock.every(ms, () => this.#add(task)))
    }
    every('ping', kPingIntervalMs)
    every('facts', kFactsIntervalMs)
    every('reconcile', this.#options.config.poll_interval)
  }

  #later(task: Task, ms: number): void {
    this.#once.get(task)?.cancel()
    this.#once.set(
      task,
      this.#options.settings.clock.after(ms, () => this.#add(task)),
    )
  }

  #add(task: Task): void {
    this.#due.add(task)
    this.#wake.set()
  }

  #wakeForGap(): void {
    if (this.#synchronised && this.#options.queue.gap !== undefined) this.#add('synchronise')
  }

  /** Reloading(false) can be missed: PID 1 drops its bus connection while it re-executes. */
  #watchReload(active: boolean): void {
    this.#reloadTimer?.cancel()
    if (!active) return
    const { settings, tracker, queue } = this.#options
    this.#reloadTimer = settings.clock.after(kMaxReloadMs, () => {
      if (!tracker.reloading) return
      tracker.endReloading()
      queue.noteGap('reexec')
      this.#wakeForGap()
    })
  }
}

/** A promise that is set from outside, once. */
class Signal<T> {
  readonly promise: Promise<T>
  isSet = false
  #resolve!: (value: T) => void

  constructor() {
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  set(value: T): void {
    this.isSet = true
    this.#resolve(value)
  }
}
