import type { Registration } from '../component/component.js'
import { ConfigError, type ConfigErrorCode } from '../errors.js'
import { readAgent } from './agent.js'
import type { AgentConfig, FileContent, Sources } from './agent-config.js'
import { lookAt } from './local-paths.js'
import { Problems } from './problems.js'
import { decodeUtf8, SourceText } from './source-text.js'
import { fileSources, readRegularFile } from './sources.js'
import { substitute } from './substitution.js'
import { readYaml } from './yaml.js'

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
  return parseConfig(text, file, registrations, { ...fileSources(file, env), look: lookAt })
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
  const config = await readAgent(root, registrations, sources, problems)
  problems.throwIfAny()
  if (config === undefined) throw new Error('a configuration without problems gave no result')
  return config
}
