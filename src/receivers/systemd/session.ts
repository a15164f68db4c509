import type { SignalReader } from '../../binding/signal-source.js'
import type { RawEvent } from '../../data/event.js'
import type { SignalRecord } from '../../data/signal-record.js'
import { stableReason } from '../../lib/systemd/bus.js'
import { CallError, type ControlPlane } from '../../lib/systemd/control-plane.js'
import type { Timer } from '../../util/clock.js'
import type { RecordQueue } from './record-queue.js'
import { ReloadWatch } from './reload-watch.js'
import { Synchroniser } from './synchroniser.js'
import type { WatchOptions } from './watch-options.js'

/** How often systemd is asked whether it is alive: a hung PID 1 sends nothing, and nothing else tells. */
const kPingIntervalMs = 10_000
/** How often configurations of new units are read, if there are any. */
const kFactsIntervalMs = 2000
/** A signal is on its way for `batch_timeout` and a little more: at least this is allowed for it. */
const kOnItsWayMs = 1000
/** Wait after a reading that failed while the connection holds. */
const kRetryMs = 1000

/** What a session does by itself, most urgent first; one at a time, so calls never pile up on a systemd that hangs. */
const tasks = ['synchronise', 'ping', 'secondLook', 'reconcile', 'facts', 'sample'] as const
type Task = (typeof tasks)[number]

interface SessionOptions extends WatchOptions {
  readonly connectPlane: () => Promise<ControlPlane>
  readonly queue: RecordQueue
  readonly onUp: (up: boolean) => void
}

/** One connection's life, from connecting to its end. */
export class Session {
  readonly #options: SessionOptions
  readonly #due = new Set<Task>(['synchronise', 'sample'])
  readonly #timers: Timer[] = []
  readonly #once = new Map<Task, Timer>()
  /** How long a signal may be on its way from systemd to us. */
  readonly #onItsWayMs: number
  #connected = false
  /** Why the session is over. */
  #over: string | undefined
  #wake = new WakeUp()
  #reloadWatch: ReloadWatch | undefined
  #synchronised = false
  #secondLookDue = false

  constructor(options: SessionOptions) {
    this.#options = options
    this.#onItsWayMs = Math.max(kOnItsWayMs, 2 * options.config.batch_timeout)
    options.queue.begin()
  }

  get synchronised(): boolean {
    return this.#synchronised
  }

  /** Records of the reader, in order. */
  take(records: readonly SignalRecord[]): void {
    const { queue, onEvents } = this.#options
    for (const record of records) {
      if (record.kind === 'disconnected') this.#end(record.reason)
      // By any other: `connected` is the first, but where the buffer was full before we looked, it is also the first to be lost.
      else if (!this.#connected) this.#setConnected()
    }
    onEvents(queue.take(records))
    this.#fed()
  }

  /** Works until the connection is over or `signal` aborts. Resolves with the reason; never rejects. */
  async run(reader: SignalReader, signal: AbortSignal): Promise<string> {
    const abort = (): void => this.#end('stopped')
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    let plane: ControlPlane | undefined
    try {
      // Match rules first: what happens from here on is in the queue, whatever the snapshot shows.
      while (!this.#connected && this.#over === undefined) await this.#woken()
      if (this.#over !== undefined) return this.#over
      plane = await this.#connectPlane()
      if (plane === undefined) return this.#over!
      void plane.closed.then((reason) => this.#end(reason))
      this.#startTimers(reader)
      await this.#work(plane, reader)
    } catch (error) {
      this.#end(error instanceof Error ? error.message : String(error))
    } finally {
      signal.removeEventListener('abort', abort)
      this.#reloadWatch?.follow(undefined)
      this.#reloadWatch = undefined // what the reader still hands over starts no timer
      for (const timer of [...this.#timers, ...this.#once.values()]) timer.cancel()
      plane?.close()
    }
    return this.#over! // every way here has set it
  }

  /** Ends it although the connection holds. */
  leave(reason: string): void {
    this.#end(reason)
  }

  /** What was held back when the connection ended: it is true, and older than the gap that begins now. */
  end(): RawEvent[] {
    return this.#synchronised ? this.#options.queue.resume() : []
  }

  /** Undefined when the session is over before there is one: a bus that says nothing must not hold up a stop. */
  async #connectPlane(): Promise<ControlPlane | undefined> {
    const connecting = this.#options.connectPlane()
    let settled = false
    const wake = (): void => {
      settled = true
      this.#wake.ring()
    }
    connecting.then(wake, wake)
    while (!settled && this.#over === undefined) await this.#woken()
    if (settled) return connecting
    connecting.then(
      (late) => late.close(),
      () => {},
    )
    return undefined
  }

  async #work(plane: ControlPlane, reader: SignalReader): Promise<void> {
    const synchroniser = new Synchroniser({ ...this.#options, plane, reader })
    while (this.#over === undefined) {
      const task = tasks.find((name) => this.#due.has(name))
      if (task === undefined) {
        await this.#woken()
        continue
      }
      this.#due.delete(task)
      const reload = this.#reloadWatch?.reload
      try {
        const answered = await this.#perform(task, plane, synchroniser)
        if (answered) this.#reloadWatch?.answered(reload)
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
        if (this.#synchronised && queue.gap?.reason === 'reload') {
          // Nothing was missed, so nothing that was sent since has to wait for systemd's answers.
          onEvents(synchroniser.reloaded())
          queue.closeGap()
          onEvents(queue.resume())
          this.#fed()
          this.#add('reconcile')
          this.#add('facts')
          return false
        }
        // Asked for by what came during the reading before, which has found it out.
        if (this.#synchronised && queue.gap === undefined) return false
        if (this.#putOff(synchroniser.waitMs(queue.gap))) return false
        await plane.subscribe()
        await this.#options.cgroupIds.prove(plane)
        await this.#synchronise(synchroniser)
        this.#fed()
        this.#add('facts') // of the surroundings nothing was read yet
        return true
      case 'ping':
        await plane.ping()
        return true
      case 'reconcile':
        // With a short `poll_interval` the second look would be put off for ever; and after a reload there must be a first one.
        if (queue.gap !== undefined) return false // all is compared soon, and what led to it is told first
        if (this.#secondLookDue) {
          this.#later('reconcile', this.#onItsWayMs)
          return false
        }
        if (await synchroniser.firstLook()) this.#lookAgain()
        return true
      case 'secondLook':
        this.#secondLookDue = false
        if (queue.gap !== undefined) return false
        onEvents(await synchroniser.secondLook())
        return true
      case 'sample':
        if (this.#options.sampler.everyMs === 0) return false
        await this.#options.sampler.sample(plane)
        return true
      case 'facts': {
        const events = await synchroniser.readOn(queue.gap === undefined && queue.reload === undefined)
        onEvents(events ?? [])
        // After a reload there are as many as units: a little of PID 1's time now, and soon all are known again.
        const moreInMs = synchroniser.readOnInMs
        if (moreInMs !== undefined) this.#later('facts', moreInMs)
        return events !== undefined
      }
    }
  }

  async #synchronise(synchroniser: Synchroniser): Promise<void> {
    const { queue, onEvents, tracker, settings } = this.#options
    const { gap, missedSinceUsec } = queue
    const sinceUsec = gap === undefined ? tracker.accounts.continued?.sinceUsec : missedSinceUsec
    const missed = await synchroniser.synchronise(gap, missedSinceUsec)
    queue.closeGap()
    this.#synchronised = true
    const overMs = sinceUsec === undefined ? 0 : Number(settings.clock.unixNano() / 1_000_000n) - sinceUsec / 1000
    onEvents([...missed, ...queue.resume()], overMs)
  }

  #putOff(waitMs: number): boolean {
    if (waitMs > 0) this.#later('synchronise', waitMs)
    return waitMs > 0
  }

  #lookAgain(): void {
    this.#secondLookDue = true
    this.#later('secondLook', this.#onItsWayMs)
  }

  #failed(task: Task, error: CallError): void {
    const { onUp, onStatus, settings } = this.#options
    if (this.#over !== undefined) return
    onUp(false)
    if (error.dbusName !== undefined) settings.telemetry.error('call_refused')
    onStatus({ state: 'degraded', reason: `systemd does not answer: ${stableReason(error.message)}` })
    // The others come round by themselves, once it answers again.
    this.#later(task === 'synchronise' ? task : 'ping', kRetryMs)
  }

  #startTimers(reader: SignalReader): void {
    const { queue, settings } = this.#options
    const { clock } = settings
    const every = (task: Task, ms: number): void => {
      if (ms > 0) this.#timers.push(clock.every(ms, () => this.#add(task)))
    }
    every('ping', kPingIntervalMs)
    every('facts', kFactsIntervalMs)
    every('reconcile', this.#options.config.poll_interval)
    every('sample', this.#options.sampler.everyMs)
    this.#reloadWatch = new ReloadWatch({
      clock,
      quietMs: this.#onItsWayMs,
      messages: () => reader.stats().messages,
      ask: () => this.#add('ping'),
      onOver: () => {
        queue.endReload()
        this.#fed()
      },
    })
    this.#fed()
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
    this.#wake.ring()
  }

  /** Records were fed to the tracker: what may have come of it. */
  #fed(): void {
    const { queue } = this.#options
    this.#reloadWatch?.follow(queue.reload)
    if (this.#synchronised && queue.gap !== undefined) this.#add('synchronise')
  }

  #setConnected(): void {
    this.#connected = true
    this.#wake.ring()
  }

  #end(reason: string): void {
    this.#over ??= reason
    this.#wake.ring()
  }

  /**
   * Waits until there is something to do or the session is over. One promise for each wait: a race with one that lives as
   * long as the session would leave a reaction there each time, 52,000 a day, 15 MiB.
   */
  async #woken(): Promise<void> {
    await this.#wake.rung
    this.#wake = new WakeUp()
  }
}

class WakeUp {
  readonly rung: Promise<void>
  #resolve!: () => void

  constructor() {
    this.rung = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  ring(): void {
    this.#resolve()
  }
}
