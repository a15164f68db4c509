import { ExitCode } from '../errors.js'
import type { Command, Option } from './command.js'

/** Exit codes as the help shows them; the README links here. */
export const exitCodes: readonly (readonly [number, string])[] = [
  [
    ExitCode.ok,
    'the command did what was asked; `run` was stopped in order (a loss at the stop is a warning in its last log line)',
  ],
  [ExitCode.failure, 'it failed: a component could not start, or `run` was ended before it had stopped in order'],
  [ExitCode.usage, 'the command line is wrong'],
  [ExitCode.unavailable, 'no agent answers `status`'],
  [ExitCode.config, 'the configuration is wrong; nothing was started'],
]

export function globalHelp(commands: readonly Command[]): string {
  return [
    'Usage: unitscope COMMAND [OPTION...]',
    '',
    'Turns what systemd, cgroups and the kernel know into OpenTelemetry events, metrics and traces.',
    '',
    'Commands:',
    ...columns(commands.map(({ name, summary }) => [name, summary])),
    '',
    'Options:',
    ...columns([
      ['--help, -h', 'Show this, or the help of a command'],
      ['--version, -V', 'Show the version'],
    ]),
    '',
    'Exit codes:',
    ...columns(exitCodes.map(([code, meaning]) => [String(code), meaning])),
    '',
    'Examples:',
    ...columns([
      ['unitscope demo', 'Watch services crash and recover, without a configuration'],
      ['unitscope run --config pipelines/host.yaml', 'Run the agent'],
      ['unitscope help run', 'Read about one command'],
    ]),
    '',
  ].join('\n')
}

export function commandHelp(command: Command): string {
  const options = Object.entries(command.options)
  return [
    usageLine(command),
    '',
    command.description,
    '',
    'Options:',
    ...columns([
      ...options.map(([name, option]) => [flagOf(name, option), option.description] as const),
      ['--help, -h', 'Show this'],
    ]),
    '',
    'Examples:',
    ...columns(command.examples.map(({ line, what }) => [line, what])),
    '',
  ].join('\n')
}

export function usageLine(command: Command): string {
  const required = (command.required ?? []).map((name) => longFlag(name, command.options[name]!))
  const optional = Object.entries(command.options)
    .filter(([name]) => !command.required?.includes(name))
    .map(([name, option]) => `[${longFlag(name, option)}]`)
  return ['Usage: unitscope', command.name, ...(command.operands ?? []), ...required, ...optional].join(' ')
}

function longFlag(name: string, option: Option): string {
  if (option.type === 'boolean') return `--${name}`
  return `--${name} ${option.valueName}${option.multiple === true ? '...' : ''}`
}

function flagOf(name: string, option: Option): string {
  const long = longFlag(name, option)
  return option.short === undefined ? long : `${long}, -${option.short}`
}

/** Two columns, the first as wide as its longest entry. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}
