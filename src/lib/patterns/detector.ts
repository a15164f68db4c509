import type { Attributes } from '../../data/attributes.js'
import type { RawEvent } from '../../data/event.js'
import type { Metric } from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'
import type { Pausable } from '../../util/pausable.js'
import type { SavedState } from './saved-state.js'

/**
 * Why nothing may be concluded from what happens at a time: units are worked on, the machine starts or stops, time itself
 * is not to be trusted, or nobody was watching.
 */
export type QuietReason =
  | 'maintenance'
  | 'deployment'
  | 'system_start'
  | 'system_shutdown'
  | 'suspend_or_clock_step'
  | 'gap'

/** A unit, a container without one, or the machine: what detections are about. */
export interface Unit {
  /** Tells units of one name apart (system and user manager). */
  readonly key: string
  /** Empty for the machine. */
  readonly name: string
  readonly resource: Resource
}

/** What an event says of a unit's life. */
export interface UnitSignal {
  readonly kind: 'failed' | 'restarting' | 'restarted' | 'started' | 'stopped' | 'gave_up' | 'oom_killed'
  readonly unit: Unit
  /**
   * When it happened, steady milliseconds: as `Detection.atMs`, without the steps of the clock. Signals come in the order in
   * which they were read; one that was told late (history from the journal) is older than its neighbours.
   */
  readonly atMs: number
  /** The run the event is about, its trace ID; empty for unit types that have none. */
  readonly invocationId: string
  /** systemd did it by itself, as Restart= says; false where somebody or another unit's job asked for it. */
  readonly auto: boolean
  /** How the run ended: `exit-code/3`, `signal/SIGSEGV`, `success`. */
  readonly how: string
  /** Set where it is no evidence: take it for the unit's state, never for a pattern. */
  readonly quiet: QuietReason | undefined
  readonly event: RawEvent
}

/** One finding: becomes an event `pattern.<pattern>.<phase>`. */
export interface Detection {
  readonly phase: 'detected' | 'updated' | 'cleared'
  readonly unit: Unit
  /** Sort of the pattern (`rapid`); the pattern's own name where it has but one. */
  readonly kind: string
  /** Steady milliseconds. A pattern that ends by itself is cleared when it was due, not when somebody looked. */
  readonly atMs: number
  /** How sure the detector is, in [0, 1]. */
  readonly confidence: number
  /** One plain sentence; what it says stands in `evidence` too. */
  readonly body: string
  readonly severity?: RawEvent['severity']
  /** Names below `pattern.<pattern>.`: `{ count: 3 }` becomes `pattern.crash_loop.count`. */
  readonly evidence: Attributes
  /** The run that tipped it, and those involved, oldest first: trace IDs. The newest 16 are told. */
  readonly run?: string
  readonly runs?: readonly string[]
  /** The event that tipped it, where one did: the finding is as late as that was. */
  readonly cause?: RawEvent
}

/** A pattern that was found and is not over. */
export interface OpenFinding {
  readonly unit: Unit
  /** As in the newest detection of it. */
  readonly kind: string
  /** Where it tells of something that will happen: milliseconds since 1970. */
  readonly expectedMs?: number
  /** Since when it has been the case, steady milliseconds; left out, since it was told of. */
  readonly sinceMs?: number
}

/** What a detector is given once. */
export interface DetectorContext {
  /** Sends a finding on, behind the batch that is looked at. */
  tell(detection: Detection): void
  /** Steady milliseconds to nanoseconds since 1970. */
  unixNano(atMs: number): bigint
  /** Nanoseconds since 1970 to steady milliseconds. */
  steadyMs(unixNano: bigint): number
  /** Whether something of the unit was measured at a time from which nothing may be concluded. */
  quiet(unit: Unit, atMs: number): QuietReason | undefined
  /**
   * When the quiet time that `atMs` falls into is over, as far as is known now: then it is time to look, and to ask, again.
   * `atMs` itself where it is none. What is still so then, and needs no other evidence, is told then.
   */
  quietUntilMs(unit: Unit, atMs: number): number
  /** Counts a unit that was forgotten because there are too many. */
  evicted(): void
  /** Says what it needs and is not given, in words that tell what to do (the component is degraded); undefined when it has all. */
  lacks(reason: string | undefined): void
  /** Uniform in [0, 1), seeded by the caller. */
  readonly random: () => number
}

/**
 * Finds one pattern. All input comes in order of arrival, so the same input gives the same findings: no clock, no timers, no
 * I/O of its own. Whatever it holds is bounded, in units and per unit (`UnitTable`).
 *
 * Time is steady milliseconds: since 1970, but going on where the clock was set or the machine slept. Before anything is told,
 * `elapse` is called with each `dueMs` that has passed.
 */
export interface Detector {
  /** Something happened to a unit. Told once, although a batch may be offered twice. */
  signal?(signal: UnitSignal): void
  /** Every event that tells of no unit's life, log lines too. May be told twice. */
  event?(event: RawEvent, atMs: number): void
  /** Points of a metric that the pattern names, at `atMs`; a reading's metrics of one unit come together. May be told twice. */
  sample?(unit: Unit, metric: Metric, atMs: number): void
  /** Patterns that are open now: a gauge. */
  readonly open?: number
  /** The same one by one, what was restored too: gauges of the units. */
  openFindings?(): Iterable<OpenFinding>
  /** What a pattern before this one in the pipeline has found: its event `pattern.<pattern>.<phase>`. May be told twice. */
  finding?(event: RawEvent, unit: Unit, atMs: number): void
  /** When `elapse` is wanted, if nothing happens before; undefined for never. */
  readonly dueMs?: number | undefined
  elapse?(nowMs: number): void
  /** What must outlive the agent. */
  save?(): SavedState
  /** The same, read back: throws where it is not of this form. It may pause after each unit, and believes all or nothing. */
  restore?(saved: unknown): Pausable<void> | void
}
