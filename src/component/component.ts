import type { Batch, Signal } from '../data/batch.js'
import type { Metric } from '../data/metric.js'
import type { ResourcePool } from '../data/resource.js'
import type { Clock } from '../util/clock.js'
import type { ComponentId, Kind } from './id.js'
import type { Logger } from './logger.js'
import type { Outcome } from './outcome.js'
import type { ObjectSchema } from './schema.js'
import type { Shared } from './shared.js'
import type { Status } from './status.js'
import type { ComponentTelemetry, SpanSource } from './telemetry.js'

/** Takes batches. */
export interface Consumer {
  /**
   * Delivers one batch; awaiting it is the back-pressure. May be called again before the first call has settled.
   * `ok` means: delivered, or held in a queue whose drops are counted. Rejects only on bugs.
   */
  consume(batch: Batch): Promise<Outcome>
}

/** What the agent offers a component while it runs. */
export interface Host {
  /**
   * Says how this component is; shown by health, CLI and status page. One that says nothing is `ok` once started; one whose
   * work begins after that (a connection to be made) says `starting`, and `ok` when it has.
   */
  report(status: Status): void
}

/**
 * Life of every component.
 *
 * `start` resolves once the component works or has begun to try (a receiver whose source is down starts, reports
 * `degraded`, and goes on trying). It throws UnavailableError where this machine cannot serve it at all, and any other
 * error only when it can never work (a port in use).
 *
 * `shutdown` ends intake, flushes what is held, waits for everything the component owns (timers, listeners, files,
 * promises), then resolves; nothing is emitted afterwards. Safe without `start`, and twice.
 */
export interface Component {
  start(host: Host): Promise<void>
  shutdown(): Promise<void>
}

export type Receiver = Component
export type Processor = Component & Consumer
export type Exporter = Component & Consumer
export type Extension = Component

/** What code (not the user) gives each component: its name and the things it must not reach for itself. */
export interface Settings {
  readonly id: ComponentId
  /** Where it stands; absent for what several pipelines share. Each pipeline has its own of a processor. */
  readonly pipeline?: string
  readonly logger: Logger
  readonly telemetry: ComponentTelemetry
  readonly clock: Clock
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** One pool per agent: the same unit seen by two receivers is one resource. */
  readonly resources: ResourcePool
  /** What the components of this agent know together. */
  readonly shared: Shared
  /** Folder for what must outlive this process; absent where nothing may. */
  readonly stateDirectory?: string
  /**
   * Told why what should outlive this process is not kept, and `undefined` once it is: until then a component that is `ok` is
   * shown as `degraded`. Absent where nobody shows it (most tests).
   */
  readonly keeping?: (trouble: string | undefined) => void
  /** When units are worked on, so that nothing is to be concluded from what happens to them. */
  readonly maintenance?: readonly MaintenanceWindow[]
  /** When this machine was booted, nanoseconds since 1970; absent where that does not matter (most tests). */
  readonly bootUnixNano?: bigint
  /** The agent's own metrics, read now; absent where nobody collects them (most tests). */
  readonly selfMetrics?: () => Promise<readonly Metric[]>
  /** Has such a share (0 to 1) of the agent's own operations traced from now on; absent where nobody does (most tests). */
  readonly selfTraces?: (samplingRatio: number) => SpanSource
}

/** A time in which units are worked on, as `service.maintenance` has it (src/config/service-schema.ts). */
export interface MaintenanceWindow {
  /** Patterns of their names; empty for all. */
  readonly units: readonly string[]
  /** On which it begins; empty for each. */
  readonly days: readonly ('mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun')[]
  /** Both as `parseWallTime` reads them, and both of a date or neither. */
  readonly from: string
  readonly to: string
  /** IANA's name; that of this machine where it is left out. */
  readonly time_zone?: string
}

export type Stability = 'development' | 'alpha' | 'beta' | 'stable'

/** What a source can see; the host negotiates privileges by it. */
export type Capability =
  | 'process'
  | 'network'
  | 'filesystem'
  | 'performance'
  | 'realtime'
  | 'kernel_level'
  | 'system_wide'

interface FactoryHead {
  /** As in YAML, lower snake case. */
  readonly type: string
  readonly kind: Kind
  readonly stability: Stability
  /** First line of the reference page. */
  readonly description: string
  readonly configSchema: ObjectSchema
  readonly capabilities: readonly Capability[]
  /** Why it cannot run on this machine, or undefined when it can. Cheap: called by `unitscope components`. */
  unavailable?(): string | undefined
  /**
   * What this machine lacks for its defaults at the moment (a bus, controllers), and what to do; undefined when nothing.
   * As cheap, and for that list alone: `run` starts the component all the same, and its status says how it is.
   */
  limited?(): string | undefined
  /** Checks what a schema cannot say (two keys that exclude each other, an expression that does not compile). */
  check?(config: never): readonly ConfigComplaint[]
}

/** A problem of a schema-valid configuration, at a key relative to the component, e.g. `['include', 0]`. */
export interface ConfigComplaint {
  readonly path: readonly (string | number)[]
  readonly reason: string
}

// `config` is `never` in these interfaces so that factories of different configs fit one list (parameters are
// contravariant); each factory declares its own type, and src/config has validated against its own schema.
export interface ReceiverFactory extends FactoryHead {
  readonly kind: 'receiver'
  /** Signals it may bring, however it is configured; all where it is left out. */
  readonly signals?: readonly Signal[]
  /** Whether it emits the spans of `Settings.selfTraces`: what passes them on is not traced itself (decision 0317). */
  emitsSelfTraces?(config: never): boolean
  create(settings: Settings, config: never, next: Consumer): Receiver
}
export interface ProcessorFactory extends FactoryHead {
  readonly kind: 'processor'
  /** What it makes of what: a pipeline that carries only the first is given the second, too, where it has this processor. */
  readonly makes?: { readonly signal: Signal; readonly of: Signal }
  create(settings: Settings, config: never, next: Consumer): Processor
}
export interface ExporterFactory extends FactoryHead {
  readonly kind: 'exporter'
  /** Signals it takes; it is given no others. */
  readonly signals: readonly Signal[]
  /** Where the exporter, once full, makes all that feed it wait: the setting that would change that. */
  waitsUnless?(config: never): string | undefined
  /** What makes it do so where it has no queue of its own, and no such setting: `its disk is full`. */
  readonly waitsOnce?: string
  create(settings: Settings, config: never): Exporter
}
export interface ExtensionFactory extends FactoryHead {
  readonly kind: 'extension'
  create(settings: Settings, config: never): Extension
}
export type Factory = ReceiverFactory | ProcessorFactory | ExporterFactory | ExtensionFactory

/** A registered component: enough to list it, and a lazy import so that what no pipeline names costs no memory. */
export interface Registration {
  readonly kind: Kind
  readonly type: string
  load(): Promise<Factory>
}
