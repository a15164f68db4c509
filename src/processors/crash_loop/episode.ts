import type { AttributeValue } from '../../data/attributes.js'
import type { RawEvent } from '../../data/event.js'
import { Severity } from '../../data/event.js'
import { evidenceName, patternEvent } from '../../lib/patterns/detection-event.js'
import type { Detection, DetectorContext, Unit, UnitSignal } from '../../lib/patterns/detector.js'
import { poissonAtLeast } from '../../lib/statistics/counts.js'
import { formatDuration } from '../../util/duration.js'
import { type Kind, type Limits, median } from './kind.js'
import type { Tally } from './tally.js'
import type { State } from './unit-history.js'
import { kMaxSentence, restartWords, uptimeWords } from './words.js'

const id = 'crash_loop'

/** Names of what this processor makes, beside what every pattern has. */
export const crashLoop = {
  detected: patternEvent(id, 'detected'),
  updated: patternEvent(id, 'updated'),
  cleared: patternEvent(id, 'cleared'),
  /** Of all crashes of the loop so far. */
  count: evidenceName(id, 'count'),
  threshold: evidenceName(id, 'threshold'),
  /** Seconds. */
  window: evidenceName(id, 'window'),
  /** Microseconds since 1970, as systemd's own timestamps. */
  firstUsec: evidenceName(id, 'first_usec'),
  lastUsec: evidenceName(id, 'last_usec'),
  /** `<how>: <times>`, most frequent first. */
  results: evidenceName(id, 'results'),
  /** Seconds between the last crashes, oldest first. */
  intervals: evidenceName(id, 'intervals'),
  /** Seconds for which the runs that crashed had been up: the median; absent where that is not known. */
  uptime: evidenceName(id, 'uptime'),
  /** Crashes of runs that had been up for half a minute or more: it looks healthy in between. */
  flaps: evidenceName(id, 'flaps'),
  /** How it is over: recovered | stopped | failed | waiting | gave_up. */
  outcome: evidenceName(id, 'outcome'),
} as const

/** Crashes in a row by which a loop must have become one of another kind before that is told. */
const kMinOfKind = 2
/** An hour: a unit that crashes once in each, at random, is bad, and in no loop. */
const kByChanceMs = 3_600_000

export type Outcome = 'recovered' | 'stopped' | 'failed' | 'waiting' | 'gave_up'

/** One crash loop of one unit, from its first crash to its end. */
export class Episode {
  readonly unit: Unit
  readonly tally: Tally
  readonly #context: DetectorContext
  readonly #limits: Limits
  #kind: Kind
  /** The kind its last crashes would make it, and how many did. */
  #changing: { readonly kind: Kind; readonly crashes: number } | undefined
  #toldCount: number

  /** @param toldCount - crashes that were told of by an earlier agent */
  constructor(unit: Unit, kind: Kind, tally: Tally, limits: Limits, context: DetectorContext, toldCount = 0) {
    this.unit = unit
    this.tally = tally
    this.#kind = kind
    this.#limits = limits
    this.#context = context
    this.#toldCount = toldCount
  }

  get kind(): Kind {
    return this.#kind
  }

  get toldCount(): number {
    return this.#toldCount
  }

  detected(atMs: number, cause?: RawEvent): Detection {
    this.#toldCount = this.tally.count
    const { threshold, windowMs } = this.#limits
    return this.#detection('detected', atMs, this.#goingOn(`${kinds[this.#kind]}:`, cause), {
      severity: Severity.error,
      more: { threshold, window: windowMs / 1000 },
      cause,
    })
  }

  /** What there is to say of a loop that goes on: it has doubled, or for some crashes now it has been one of another kind. */
  updated(kind: Kind | undefined, { atMs, event }: UnitSignal): Detection | undefined {
    if (kind === undefined || kind === this.#kind) this.#changing = undefined
    else if (this.#changing?.kind !== kind) this.#changing = { kind, crashes: 1 }
    else this.#changing = { kind, crashes: this.#changing.crashes + 1 }
    // What was given up crashes again: that is plain at once.
    const needed = this.#kind === 'start_limit' ? 1 : kMinOfKind
    const changes = this.#changing !== undefined && this.#changing.crashes >= needed
    if (!changes && this.tally.count < 2 * this.#toldCount) return undefined
    return this.#update(changes ? this.#changing!.kind : this.#kind, atMs, event)
  }

  gaveUp(atMs: number, cause?: RawEvent): Detection {
    return this.#update('start_limit', atMs, cause)
  }

  cleared(state: State, atMs: number): Detection {
    const outcome: Outcome = state === 'running' ? 'recovered' : state
    const isFine = outcome === 'recovered' || outcome === 'stopped'
    const body = `${this.unit.name} ${endings[outcome]} after ${this.#words()}`
    return this.#detection('cleared', atMs, isFine ? body : this.#withPlace(body), {
      severity: isFine ? Severity.info : outcome === 'waiting' ? Severity.warn : Severity.error,
      more: { outcome },
    })
  }

  #update(kind: Kind, atMs: number, cause: RawEvent | undefined): Detection {
    this.#kind = kind
    this.#changing = undefined
    this.#toldCount = this.tally.count
    const what = kind === 'start_limit' ? `${kinds[kind]}:` : `${kinds[kind]}, still:`
    return this.#detection('updated', atMs, this.#goingOn(what, cause), {
      severity: Severity.error,
      cause,
    })
  }

  #detection(
    phase: Detection['phase'],
    atMs: number,
    body: string,
    part: Pick<Detection, 'severity'> & {
      readonly more?: Readonly<Record<string, AttributeValue>>
      readonly cause?: RawEvent | undefined
    },
  ): Detection {
    const upMs = this.#upMs()
    const usec = (ms: number): number => Number(this.#context.unixNano(ms) / 1000n)
    const run = this.tally.runs.at(-1)
    return {
      phase,
      unit: this.unit,
      kind: this.#kind,
      atMs,
      confidence: this.#confidence(),
      body,
      ...(part.severity === undefined ? {} : { severity: part.severity }),
      evidence: {
        count: this.tally.count,
        first_usec: usec(this.tally.firstMs),
        last_usec: usec(this.tally.lastMs),
        results: this.#sortedResults().map(([how, times]) => `${how}: ${times}`),
        intervals: this.tally.seenIntervals.map((ms) => String(seconds(ms))),
        ...(upMs === undefined ? {} : { uptime: seconds(upMs) }),
        flaps: this.tally.flaps,
        ...part.more,
      },
      ...(run === undefined ? {} : { run }),
      runs: [...this.tally.runs],
      ...(part.cause === undefined ? {} : { cause: part.cause }),
    }
  }

  /**
   * 1 less the chance that a unit that crashes once an hour, at random, does so as often in as short a time. Crashes that nobody
   * saw count for less; systemd's own verdict leaves no doubt.
   */
  #confidence(): number {
    if (this.#kind === 'start_limit') return 1
    const more = this.tally.last.length - 1
    const expected = (this.tally.lastMs - this.tally.last[0]!.atMs) / kByChanceMs
    return Math.max(0.5, 1 - poissonAtLeast(more, expected)) * (1 - (0.3 * this.tally.unseen) / this.tally.count)
  }

  #upMs(): number | undefined {
    const known = this.tally.last.map(({ upMs }) => upMs).filter((ms) => !Number.isNaN(ms))
    return known.length === 0 ? undefined : median(known)
  }

  #words(): string {
    const span = (this.tally.lastMs - this.tally.firstMs) / 1000
    const results = this.#sortedResults().map(([how, times]) => `${times}x ${how}`)
    const time = span < 120 ? `${span.toFixed(1)} s` : formatDuration(Math.round(span) * 1000)
    // Of one alone, and of those that only a counter tells of, there is no time between first and last.
    const within = span < 0.05 ? '' : ` in ${time}`
    return `${this.tally.count} ${this.tally.count === 1 ? 'crash' : 'crashes'}${within} (${results.join(', ')})${uptimeWords(this.#upMs(), this.tally.count)}`
  }

  /** What it does, whether systemd restarts it, and where to look. */
  #goingOn(what: string, cause: RawEvent | undefined): string {
    const next = this.#kind === 'start_limit' ? '' : restartWords(this.tally.last.at(-1)!, cause)
    return this.#withPlace(`${this.unit.name} ${what} ${this.#words()}${next}`)
  }

  #withPlace(body: string): string {
    const run = this.tally.runs.at(-1)
    const whole = `${body}; last run: journalctl _SYSTEMD_INVOCATION_ID=${run}`
    return run === undefined || whole.length > kMaxSentence ? body : whole
  }

  #sortedResults(): readonly (readonly [string, number])[] {
    return [...this.tally.results].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
  }
}

const kinds: Readonly<Record<Kind, string>> = {
  rapid: 'is in a crash loop',
  consecutive_failures: 'keeps crashing',
  escalating: 'crashes, at growing intervals',
  slow: 'crashes, slowly and regularly',
  start_limit: 'will not be restarted any more (start limit hit)',
}

const endings: Readonly<Record<Outcome, string>> = {
  recovered: 'has stayed up',
  stopped: 'was stopped',
  failed: 'is still down and not being restarted,',
  waiting: 'is still waiting for its restart, quiet',
  gave_up: 'is still down: systemd gave up (start limit hit)',
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000
}
