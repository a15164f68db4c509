import type { Factory, MaintenanceWindow } from '../component/component.js'
import type { ComponentId } from '../component/id.js'
import type { PathFormat } from '../component/schema.js'
import type { Signal } from '../data/batch.js'
import type { ConfigProblem } from '../errors.js'

/** One component as the file describes it. */
export interface ComponentConfig {
  readonly id: ComponentId
  readonly factory: Factory
  /** Valid for `factory.configSchema`, defaults filled, durations in milliseconds, sizes in bytes, deeply frozen. */
  readonly config: unknown
}

/** Which components a pipeline joins, by id, in the order of the file. */
export interface PipelineConfig {
  readonly id: string
  /** From the id: `traces`, `metrics`, `logs` (or `traces/x` ...) carry that signal; any other id carries all three. */
  readonly signals: ReadonlySet<Signal>
  readonly receivers: readonly string[]
  readonly processors: readonly string[]
  readonly exporters: readonly string[]
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** The agent's own log. `auto` is text on a terminal and JSON elsewhere; the service, which knows, decides. */
export interface TelemetryConfig {
  readonly log_level: LogLevel
  readonly log_format: 'auto' | 'text' | 'json'
}

/** Stable names of what a configuration may do but probably should not. */
export type ConfigWarningCode =
  | 'CFG_UNUSED'
  | 'CFG_ORDER'
  | 'CFG_INPUT'
  | 'CFG_PIPELINE_ID'
  | 'CFG_UNIT_NAME'
  | 'CFG_INLINE_SECRET'
  | 'CFG_EXPOSED'
  | 'CFG_FILE_MODE'
  | 'CFG_SHARED_FATE'
  | 'CFG_ENVIRONMENT'

/** Something a person should look at; the agent starts all the same. */
export interface ConfigWarning extends Omit<ConfigProblem, 'code'> {
  readonly code: ConfigWarningCode
}

/** A whole valid configuration. Nothing in it changes; a reload makes another one. */
export interface AgentConfig {
  /** All that the file defines, also what no pipeline uses (of which `warnings` tell). */
  readonly receivers: ReadonlyMap<string, ComponentConfig>
  readonly processors: ReadonlyMap<string, ComponentConfig>
  readonly exporters: ReadonlyMap<string, ComponentConfig>
  readonly extensions: ReadonlyMap<string, ComponentConfig>
  readonly pipelines: readonly PipelineConfig[]
  /** Extensions to start, in order. */
  readonly extensionIds: readonly string[]
  readonly telemetry: TelemetryConfig
  /** As the file names it, relative to the working directory. */
  readonly stateDirectory?: string
  /** Absolute. */
  readonly statusSocket?: string
  readonly maintenance: readonly MaintenanceWindow[]
  readonly warnings: readonly ConfigWarning[]
}

/** What a `${file:}` reference names. */
export interface FileContent {
  readonly bytes: Uint8Array
  /** Permission bits as stat(2) gives them. */
  readonly mode: number
}

/** Where substitutions find their values. */
export interface Sources {
  readonly env: Readonly<Record<string, string | undefined>>
  /**
   * Reads a file as the configuration names it (a relative path is relative to the configuration file).
   * Rejects with an Error whose message says why in words fit for a user and without the content.
   */
  readFile(path: string, maxBytes: number): Promise<FileContent>
  /**
   * What a start would stumble over, here and now, at a path that a component will use; relative to the working directory,
   * as there. May name the path. Left out where nothing outside is looked at.
   */
  look?(path: string, format: PathFormat): Promise<string | undefined>
}
