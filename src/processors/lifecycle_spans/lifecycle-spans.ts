import type { Consumer, Processor, Settings } from '../../component/component.js'
import type { Outcome } from '../../component/outcome.js'
import { type Batch, batchOf } from '../../data/batch.js'
import type { RawEvent } from '../../data/event.js'
import type { Span } from '../../data/span.js'
import { Outbox } from '../../lib/handover/outbox.js'
import { attr, event as names } from '../../lib/systemd/names.js'
import { RecentKeys } from '../../util/recent-keys.js'
import type { Config } from './config.js'
import { isEnd, Run } from './run.js'
import { spansOf } from './run-spans.js'
import { stepSpanOf } from './step-spans.js'

/**
 * Ended runs that are recognised when told of again: a batch offered twice, `restarting` after `failed`. A batch of the
 * largest kind (8192 events) has no more.
 */
const kMaxEndedRuns = 8192
/** The same for jobs and reloads. */
const kMaxSteps = 8192

/** Events that belong to a run. A start that was refused (start limit) has none: its ID is that of the run before. */
const runEvents = new Set<string>([
  names.started,
  names.restarted,
  names.reloaded,
  names.oomKilled,
  names.watchdogTimeout,
  names.failed,
  names.stopped,
  names.restarting,
])

/** A unit's run under way, and the last that ended. */
interface UnitRuns {
  current: Run | undefined
  previous: string | undefined
}

export function createLifecycleSpans(settings: Settings, config: Config, next: Consumer): Processor {
  return new LifecycleSpans(settings, config, next)
}

/** Passes every batch on as it is; the spans of runs that ended in it go out behind it, in batches of their own. */
class LifecycleSpans implements Processor {
  readonly #next: Consumer
  readonly #outbox: Outbox
  readonly #types: ReadonlySet<string>
  readonly #maxUnits: number
  /** Least recently heard of first. */
  readonly #units = new Map<string, UnitRuns>()
  readonly #ended = new RecentKeys(kMaxEndedRuns)
  /** Span IDs of jobs and reloads. */
  readonly #steps = new RecentKeys(kMaxSteps)
  readonly #countEvicted: (runs: number) => void
  readonly #countUnended: (runs: number) => void

  constructor(settings: Settings, config: Config, next: Consumer) {
    this.#next = next
    this.#outbox = new Outbox(settings, next)
    this.#types = new Set(config.unit_types)
    this.#maxUnits = config.max_units
    this.#countEvicted = settings.telemetry.counter('open_runs_evicted', 'Runs forgotten because of max_units.')
    this.#countUnended = settings.telemetry.counter('runs_without_end', 'Runs whose end was never told of.')
    settings.telemetry.gauge('units_known', 'Units remembered.', '{unit}', () => this.#units.size)
  }

  async start(): Promise<void> {}

  /** Runs still under way have no end to tell of: they get their spans from the agent's next life, at their end. */
  async shutdown(): Promise<void> {
    await this.#outbox.close()
  }

  consume(batch: Batch): Promise<Outcome> {
    let spans: Span[] | undefined
    for (const event of batch.events) {
      const made = this.#observe(event)
      if (made === undefined) continue
      spans ??= []
      spans.push(...made)
    }
    const outcome = this.#next.consume(batch)
    if (spans !== undefined) this.#outbox.push(batchOf({ spans }))
    return outcome
  }

  #observe(event: RawEvent): readonly Span[] | undefined {
    const ofRun = runEvents.has(event.name)
    if (!ofRun && event.name !== names.jobFinished) return undefined
    const unit = event.attributes[attr.unit]
    const invocationId = event.attributes[attr.invocationId]
    if (typeof unit !== 'string' || typeof invocationId !== 'string' || !isTraceId(invocationId)) return undefined
    if (!this.#types.has(unit.slice(unit.lastIndexOf('.') + 1))) return undefined
    const step = this.#newStep(event, unit, invocationId)
    if (!ofRun || this.#ended.has(invocationId)) return step
    const runs = this.#runsOf(`${event.resource.key} ${unit}`)
    const run = this.#currentRun(runs, invocationId)
    run.add(event)
    if (!isEnd(event)) return step
    runs.current = undefined
    runs.previous = invocationId
    this.#ended.add(invocationId)
    return spansOf(run, unit, event)
  }

  /** A job belongs to a run that may be over: its last one is told of after its end. */
  #newStep(event: RawEvent, unit: string, invocationId: string): readonly Span[] | undefined {
    const span = stepSpanOf(event, unit, invocationId)
    return span !== undefined && this.#steps.add(span.spanId) ? [span] : undefined
  }

  #currentRun(runs: UnitRuns, invocationId: string): Run {
    if (runs.current?.invocationId === invocationId) return runs.current
    if (runs.current !== undefined) {
      this.#countUnended(1)
      runs.previous = runs.current.invocationId
      this.#ended.add(runs.previous)
    }
    runs.current = new Run(invocationId, runs.previous)
    return runs.current
  }

  #runsOf(key: string): UnitRuns {
    const known = this.#units.get(key)
    if (known !== undefined) this.#units.delete(key)
    const runs = known ?? { current: undefined, previous: undefined }
    this.#units.set(key, runs)
    if (this.#units.size > this.#maxUnits) this.#evictOldest()
    return runs
  }

  #evictOldest(): void {
    for (const [key, runs] of this.#units) {
      this.#units.delete(key)
      if (runs.current !== undefined) this.#countEvicted(1)
      return
    }
  }
}

/** systemd's InvocationID is random; anything else (all zero, not hex) would be refused by every trace backend. */
function isTraceId(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text) && !/^0+$/.test(text)
}
