import type { RawEvent } from '../../data/event.js'
import { Severity } from '../../data/event.js'
import { runSpanId } from '../../lib/systemd/ids.js'
import { attr } from '../../lib/systemd/names.js'
import type { Crash } from './unit-history.js'
import type { UnitSignal } from './unit-signal.js'

/** Names of what this processor makes. */
export const crashLoop = {
  detected: 'pattern.crash_loop.detected',
  ended: 'pattern.crash_loop.ended',
  count: 'pattern.crash_loop.count',
  threshold: 'pattern.crash_loop.threshold',
  /** Seconds. */
  window: 'pattern.crash_loop.window',
  /** Microseconds since 1970, as systemd's own timestamps. */
  firstUsec: 'pattern.crash_loop.first_usec',
  lastUsec: 'pattern.crash_loop.last_usec',
  /** `<how>: <times>`, most frequent first. */
  results: 'pattern.crash_loop.results',
  /** Runs that crashed, newest last: trace IDs. */
  invocationIds: 'pattern.crash_loop.invocation_ids',
  gaveUp: 'pattern.crash_loop.gave_up',
  /** How it ended: recovered | stopped | failed | waiting | gave_up. */
  outcome: 'pattern.crash_loop.outcome',
} as const

/** Enough to look into; the count tells the rest. */
const kMaxInvocationIds = 16
/** Ways to end that are told apart; a unit with more has its rest counted as `other`. */
const kMaxResults = 16

export type EndOutcome = 'recovered' | 'stopped' | 'failed' | 'waiting' | 'gave_up'

/** One crash loop of one unit, from its first crash to its end. */
export class Episode {
  readonly signal: UnitSignal
  #count = 0
  #firstNano: bigint
  #lastNano: bigint
  #lastRun = ''
  #results = new Map<string, number>()
  #invocationIds: string[] = []

  /** @param signal - the one that made it a loop */
  constructor(signal: UnitSignal, crashes: readonly Crash[]) {
    this.signal = signal
    this.#firstNano = crashes[0]!.atNano
    this.#lastNano = this.#firstNano
    for (const crash of crashes) this.add(crash)
  }

  get lastNano(): bigint {
    return this.#lastNano
  }

  add(crash: Crash): void {
    this.#count++
    if (crash.atNano < this.#firstNano) this.#firstNano = crash.atNano
    if (crash.atNano > this.#lastNano) this.#lastNano = crash.atNano
    const how = this.#results.has(crash.how) || this.#results.size < kMaxResults ? crash.how : 'other'
    this.#results.set(how, (this.#results.get(how) ?? 0) + 1)
    if (crash.invocationId === '') return
    this.#lastRun = crash.invocationId
    this.#invocationIds.push(crash.invocationId)
    if (this.#invocationIds.length > kMaxInvocationIds) this.#invocationIds.shift()
  }

  detected(limits: { readonly threshold: number; readonly windowMs: number }, gaveUp: boolean): RawEvent {
    const end = gaveUp ? ', and systemd has given up' : ''
    return this.#event(crashLoop.detected, Severity.error, this.signal.event.timeUnixNano, {
      body: `${this.signal.unit} is in a crash loop: ${this.#evidence()}${end}`,
      attributes: {
        [crashLoop.threshold]: limits.threshold,
        [crashLoop.window]: limits.windowMs / 1000,
        [crashLoop.gaveUp]: gaveUp,
      },
      observedNano: this.signal.event.observedTimeUnixNano,
    })
  }

  ended(outcome: EndOutcome, atNano: bigint, observedNano: bigint): RawEvent {
    const severity =
      outcome === 'recovered' || outcome === 'stopped'
        ? Severity.info
        : outcome === 'waiting'
          ? Severity.warn
          : Severity.error
    return this.#event(crashLoop.ended, severity, atNano, {
      body: `${this.signal.unit} ${endings[outcome]} after ${this.#evidence()}`,
      attributes: { [crashLoop.outcome]: outcome },
      observedNano,
    })
  }

  #event(
    name: string,
    severity: RawEvent['severity'],
    atNano: bigint,
    part: Pick<RawEvent, 'body' | 'attributes'> & { readonly observedNano: bigint },
  ): RawEvent {
    return {
      timeUnixNano: atNano,
      observedTimeUnixNano: part.observedNano,
      name,
      severity,
      body: part.body,
      attributes: {
        [attr.unit]: this.signal.unit,
        [crashLoop.count]: this.#count,
        [crashLoop.firstUsec]: Number(this.#firstNano / 1000n),
        [crashLoop.lastUsec]: Number(this.#lastNano / 1000n),
        [crashLoop.results]: this.#sortedResults().map(([how, times]) => `${how}: ${times}`),
        [crashLoop.invocationIds]: [...this.#invocationIds],
        ...part.attributes,
      },
      ...(this.#lastRun === '' ? {} : { traceId: this.#lastRun, spanId: runSpanId(this.#lastRun) }),
      resource: this.signal.event.resource,
    }
  }

  #evidence(): string {
    const seconds = Number(this.#lastNano - this.#firstNano) / 1e9
    const results = this.#sortedResults().map(([how, times]) => `${times}x ${how}`)
    return `${this.#count} crashes in ${seconds.toFixed(1)} s (${results.join(', ')})`
  }

  #sortedResults(): readonly (readonly [string, number])[] {
    return [...this.#results].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
  }
}

const endings: Readonly<Record<EndOutcome, string>> = {
  recovered: 'has stayed up',
  stopped: 'was stopped',
  failed: 'has stayed down',
  waiting: 'is still waiting for its restart, quiet',
  gave_up: 'will not be restarted any more (start limit hit)',
}
