import type { Factory, Registration } from '../component/component.js'
import type { ComponentId } from '../component/id.js'
import type { Signal } from '../data/batch.js'
import { ConfigError, type ConfigErrorCode, type ConfigProblem } from '../errors.js'
import { readAgent } from './agent.js'
import { Problems } from './problems.js'
import { decodeUtf8, SourceText } from './source-text.js'
import { fileSources, readRegularFile } from './sources.js'
import { substitute } from './substitution.js'
import { readYaml } from './yaml.js'

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
  | 'CFG_PIPELINE_ID'
  | 'CFG_INLINE_SECRET'
  | 'CFG_EXPOSED'
  | 'CFG_FILE_MODE'

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
}

/** A megabyte of configuration is a mistake, or an attack. */
const kMaxConfigBytes = 1024 * 1024

/**
 * Reads, checks and freezes a configuration file.
 *
 * @throws {ConfigError} with everything that is wrong, in the order of the file
 */
export async function loadConfig(
  file: string,
  registrations: readonly Registration[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<AgentConfig> {
  const refuse = (code: ConfigErrorCode, reason: string, line = 1): ConfigError =>
    new ConfigError([{ code, position: { file, line, column: 1 }, key: '', reason }])
  let content: FileContent
  try {
    content = await readRegularFile(file, kMaxConfigBytes)
  } catch (error) {
    throw refuse('CFG_FILE', `the configuration file ${error instanceof Error ? error.message : 'cannot be read'}`)
  }
  // Who can write the file decides what the agent, often root, connects to and reads (monit refuses likewise).
  if ((content.mode & 0o002) !== 0)
    throw refuse('CFG_FILE', 'every user of this machine may write this file; run chmod o-w on it')
  const text = decodeUtf8(content.bytes)
  if (typeof text !== 'string')
    throw refuse('CFG_FILE', 'this line is not UTF-8 text; save the file as UTF-8', text.badLine)
  return parseConfig(text, file, registrations, fileSources(file, env))
}

/**
 * The same for a text in memory: nothing outside `sources` is touched.
 *
 * @param fileName - how positions name the text
 * @throws {ConfigError} with everything that is wrong, in the order of the text
 */
export async function parseConfig(
  text: string,
  fileName: string,
  registrations: readonly Registration[],
  sources: Sources,
): Promise<AgentConfig> {
  const problems = new Problems()
  const source = new SourceText(text, fileName)
  const parsed = readYaml(source, problems)
  problems.throwIfAny()
  const root = await substitute(parsed, source, sources, problems)
  const config = await readAgent(root, registrations, problems)
  problems.throwIfAny()
  if (config === undefined) throw new Error('a configuration without problems gave no result')
  return config
}
