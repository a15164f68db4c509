import type { Command, Invocation } from './command.js'
import * as forOption from './for-option.js'

export const command: Command = {
  name: 'run',
  summary: 'Run the agent with a configuration',
  description: [
    'Checks the configuration, starts its pipelines and runs until SIGTERM or SIGINT (Ctrl-C), then stops in order:',
    'receivers first, and each queue is given time to drain, ten seconds in all. A second signal ends it at once.',
    'The log goes to standard error: text on a terminal, JSON lines elsewhere. SIGHUP takes over a changed configuration: what is',
    'configured as before goes on, with its queues; one that is wrong changes nothing, and the log says what is wrong.',
  ].join('\n'),
  options: {
    config: {
      type: 'string',
      short: 'c',
      valueName: 'FILE',
      description: 'Configuration file (YAML)',
      completes: 'file',
    },
    for: forOption.option,
  },
  required: ['config'],
  examples: [
    { line: 'unitscope run --config pipelines/host.yaml', what: 'Watch this machine' },
    { line: 'unitscope run -c agent.yaml --for 30s', what: 'Try a configuration for half a minute' },
  ],
  run,
}

async function run(invocation: Invocation): Promise<number> {
  const forMs = forOption.parse(invocation.values['for'])
  const [{ loadConfig }, { registrations }] = await Promise.all([
    import('../config/config.js'),
    import('../registry.js'),
  ])
  const load = () => loadConfig(String(invocation.values['config']), registrations, invocation.env)
  const config = await load()
  // Only now what it takes to run: a wrong configuration is told without it.
  const { runAgent } = await import('./run-agent.js')
  const { code } = await runAgent(config, invocation, { load, ...(forMs === undefined ? {} : { forMs }) })
  return code
}
