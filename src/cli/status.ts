import { ExitCode } from '../errors.js'
import type { Command, Invocation } from './command.js'
import { jsonText } from './json-text.js'
import { kDefaultSocket, socketOf, socketOption } from './socket-option.js'

export const command: Command = {
  name: 'status',
  summary: 'Ask a running agent how it is, and where its items are',
  description: [
    'Asks the agent of this machine over its status socket: the state of each component and why, what waits in queues, and',
    'circuit breakers that are open. With --ledger where every item is: read, delivered, held, or dropped and why.',
    'Exit code 0 when all is well; 1 when a component is degraded or failed, or items are unaccounted for; 69 when no agent',
    'answers. The socket is service.status_socket of its configuration, or status.sock in its RuntimeDirectory=.',
  ].join('\n'),
  options: {
    ...socketOption,
    ledger: { type: 'boolean', short: 'l', description: 'Show where every item is' },
    json: { type: 'boolean', description: 'Print JSON, for scripts: all of it, or why no agent answers' },
  },
  examples: [
    { line: 'unitscope status', what: 'Is the agent well?' },
    { line: 'unitscope status --ledger', what: 'Was anything lost?' },
    { line: 'unitscope status -s /run/unitscope-edge/status.sock', what: 'Another agent on this machine' },
    { line: "unitscope status --json | jq '.ledger.rows[].dropped'", what: 'For a check' },
  ],
  run,
}

async function run({ values, terminal }: Invocation): Promise<number> {
  const [{ askStatus }, { ledgerText, statusText }] = await Promise.all([
    import('./status-client.js'),
    import('./status-text.js'),
  ])
  const path = socketOf(values)
  const asJson = values['json'] === true
  const reply = await askStatus(path)
  if ('unanswered' in reply) {
    if (asJson) terminal.out.write(jsonText({ healthy: false, socket: path, error: reply.unanswered }))
    terminal.err.write(`unitscope: ${reply.unanswered}\n`)
    return ExitCode.unavailable
  }
  const { report } = reply
  if (asJson) terminal.out.write(jsonText(report))
  else
    terminal.out.write(
      values['ledger'] === true
        ? ledgerText(report.ledger)
        : statusText(report, terminal.out, path === kDefaultSocket ? undefined : path),
    )
  return report.healthy ? ExitCode.ok : ExitCode.failure
}
