import type { AgentConfig, ConfigWarning } from '../config/agent-config.js'
import { ConfigError, type ConfigProblem, ExitCode, formatProblem } from '../errors.js'
import type { Command, Invocation } from './command.js'
import { good, printProblems, warning as warningLine } from './problems.js'

export const command: Command = {
  name: 'validate',
  summary: 'Check a configuration and say all that is wrong with it',
  description: [
    'Reads the file, replaces ${env:...} and ${file:...}, and checks every key, value and reference, as run does before',
    'it starts anything. Prints OK and the pipelines, or each problem as file:line:column key: reason; exit code 0 or 78.',
    'Warnings do not change the exit code. Values of references and secrets are never printed.',
  ].join('\n'),
  options: {
    config: {
      type: 'string',
      short: 'c',
      valueName: 'FILE',
      description: 'Configuration file (YAML)',
      completes: 'file',
    },
    json: { type: 'boolean', description: 'Print JSON, for scripts and editors' },
  },
  required: ['config'],
  examples: [
    { line: 'unitscope validate --config pipelines/host.yaml', what: 'Is this file fine?' },
    { line: "unitscope validate -c agent.yaml --json | jq '.problems[].reason'", what: 'What is wrong with it?' },
  ],
  run,
}

async function run({ values, env, terminal }: Invocation): Promise<number> {
  const [{ loadConfig }, { registrations }] = await Promise.all([
    import('../config/config.js'),
    import('../registry.js'),
  ])
  const file = String(values['config'])
  const { out, err } = terminal
  let config: AgentConfig
  try {
    config = await loadConfig(file, registrations, env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    if (values['json'] === true) out.write(asJson({ ok: false, file, problems: error.problems.map(flat) }))
    else printProblems(error, err)
    return ExitCode.config
  }
  if (values['json'] === true) {
    out.write(
      asJson({ ok: true, file, pipelines: config.pipelines.map(pipelineOf), warnings: config.warnings.map(flat) }),
    )
    return ExitCode.ok
  }
  for (const warning of config.warnings) err.write(`${warningLine(err, formatProblem(warning))}\n`)
  out.write(`${good(out, 'OK')} ${file}\n${pipelineTable(config)}`)
  return ExitCode.ok
}

function pipelineTable({ pipelines }: AgentConfig): string {
  const rows = pipelines.map(({ id, signals, receivers, processors, exporters }) => [
    id,
    [...signals].join('+'),
    [receivers, processors, exporters].flatMap((ids) => (ids.length === 0 ? [] : [ids.join(', ')])).join(' -> '),
  ])
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}\n`).join('')
}

function pipelineOf({ signals, ...pipeline }: AgentConfig['pipelines'][number]) {
  return { ...pipeline, signals: [...signals] }
}

/** A problem without nesting, so that editors and jq find line and column at once. */
function flat({ code, position, key, reason }: ConfigProblem | ConfigWarning) {
  return { code, ...position, key, reason }
}

function asJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}
