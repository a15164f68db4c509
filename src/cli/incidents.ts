import { ExitCode } from '../errors.js'
import type { Command, Invocation } from './command.js'
import { jsonText } from './json-text.js'
import { socketOf, socketOption } from './socket-option.js'

export const command: Command = {
  name: 'incidents',
  summary: 'Show what is broken on this machine now, since when, and why',
  description: [
    'Asks the agent of this machine over its status socket what is the case: incidents that are not over, with what failed first and',
    'what went down with it; patterns that were found and are open; and failed units that belong to no incident, as when they had',
    'failed before the agent was there. The worst stands first, with the last lines of the run that failed, where you may read the journal.',
    'Exit code 0 when nothing is broken; 1 when something is, or when the agent does not see its units; 69 when no agent answers.',
  ].join('\n'),
  options: { ...socketOption, json: { type: 'boolean', description: 'Print JSON, for scripts' } },
  examples: [
    { line: 'unitscope incidents', what: 'What is broken?' },
    { line: "unitscope incidents --json | jq -r '.concerns[].unit'", what: 'The units, for a script' },
    { line: 'watch -n 5 unitscope incidents', what: 'While you mend it' },
  ],
  run,
}

async function run({ values, terminal }: Invocation): Promise<number> {
  const [{ askStatus }, { findingsOf }, { incidentsText }, { lastLines, linesFor }] = await Promise.all([
    import('./status-client.js'),
    import('./findings.js'),
    import('./incidents-text.js'),
    import('./last-lines.js'),
  ])
  const socket = socketOf(values)
  const asJson = values['json'] === true
  const reply = await askStatus(socket)
  const findings = 'report' in reply ? findingsOf(reply.report) : undefined
  if (findings === undefined) {
    const error = 'report' in reply ? tooOld(reply.report.version) : reply.unanswered
    if (asJson) terminal.out.write(jsonText({ socket, error }))
    terminal.err.write(`unitscope: ${error}\n`)
    return ExitCode.unavailable
  }
  const { concerns, omitted, doubts, notes } = findings
  const lines = await lastLines(concerns)
  if (asJson) {
    const told = concerns.map((one) => ({ ...one, log: linesFor(one, lines) }))
    terminal.out.write(jsonText({ concerns: told, omitted, doubts, notes }))
  } else terminal.out.write(incidentsText(findings, terminal.out, { nowMs: Date.now(), lines }))
  return concerns.length + omitted + doubts.length === 0 ? ExitCode.ok : ExitCode.failure
}

function tooOld(version: string): string {
  return `the agent is version ${version}, which cannot say what is broken: restart it with the version of this command`
}
