import { ExitCode } from '../errors.js'
import type { Command, Invocation } from './command.js'
import { jsonText } from './json-text.js'
import { socketOf, socketOption } from './socket-option.js'

export const command: Command = {
  name: 'incidents',
  summary: 'Show what is broken on this machine now, since when, and why',
  description: [
    'Asks the agent of this machine over its status socket what is the case: incidents that are not over, with what failed first and',
    'what went down with it; patterns that were found and are open; and units in the state "failed" that belong to no incident,',
    'for they had failed before the agent saw them. The worst stands first.',
    'Exit code 0 when there is nothing; 1 when there is; 69 when no agent answers.',
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
  const [{ askStatus }, { incidentsText, standingAlone }] = await Promise.all([
    import('./status-client.js'),
    import('./incidents-text.js'),
  ])
  const socket = socketOf(values)
  const asJson = values['json'] === true
  const reply = await askStatus(socket)
  const trouble =
    'unanswered' in reply
      ? reply.unanswered
      : reply.report.concerns === undefined
        ? `the agent is version ${reply.report.version}, which cannot say what is broken: restart it with the version of this command`
        : undefined
  if (trouble !== undefined || 'unanswered' in reply) {
    if (asJson) terminal.out.write(jsonText({ socket, error: trouble }))
    terminal.err.write(`unitscope: ${trouble}\n`)
    return ExitCode.unavailable
  }
  const { report } = reply
  const concerns = standingAlone(report.concerns)
  if (asJson) terminal.out.write(jsonText({ concerns, omitted: report.concerns_omitted }))
  else terminal.out.write(incidentsText({ ...report, concerns }, terminal.out, Date.now()))
  return concerns.length === 0 ? ExitCode.ok : ExitCode.failure
}
