import { systemClock } from '../util/clock.js'
import { parseDuration } from '../util/duration.js'
import { type Command, type Invocation, UsageError } from './command.js'
import { packageVersion } from './version.js'

/** setTimeout ends at 2^31-1 ms, 24.8 days. */
const kMaxForMs = 24 * 86_400_000

export const command: Command = {
  name: 'run',
  summary: 'Run the agent with a configuration',
  description: [
    'Checks the configuration, starts its pipelines and runs until SIGTERM or SIGINT (Ctrl-C), then stops in order:',
    'receivers first, and each queue is given time to drain, ten seconds in all. A second signal ends it at once.',
    'SIGHUP reopens the log. The log goes to standard error: text on a terminal, JSON lines elsewhere.',
  ].join('\n'),
  options: {
    config: {
      type: 'string',
      short: 'c',
      placeholder: 'FILE',
      description: 'Configuration file (YAML)',
      completes: 'file',
    },
    for: { type: 'string', placeholder: 'DURATION', description: 'Stop after this long, e.g. 30s or 5m' },
  },
  required: ['config'],
  examples: [
    { line: 'unitscope run --config pipelines/host.yaml', what: 'Watch this machine' },
    { line: 'unitscope run -c agent.yaml --for 30s', what: 'Try a configuration for half a minute' },
  ],
  run,
}

async function run(invocation: Invocation): Promise<number> {
  const forMs = durationOf(invocation.values['for'])
  const { env, terminal } = invocation
  const [{ loadConfig }, { registrations }] = await Promise.all([
    import('../config/config.js'),
    import('../registry.js'),
  ])
  const config = await loadConfig(String(invocation.values['config']), registrations, env)

  const [{ createLogger, logDestination }, { createService, statusLine }, { supervise }, notify] = await Promise.all([
    import('../telemetry/logger.js'),
    import('../service/service.js'),
    import('../service/supervise.js'),
    import('../service/notifier.js'),
  ])
  const { log_format: format, log_level: level } = config.telemetry
  const logger = createLogger({
    level,
    format: format === 'auto' ? (terminal.err.isTty ? 'text' : 'json') : format,
    color: terminal.err.color,
    clock: systemClock,
    sink: logDestination(2),
  })
  for (const { code, position, key, reason } of config.warnings) {
    logger.warn('configuration', { at: `${position.file}:${position.line}:${position.column}`, key, reason, code })
  }
  const notifier = notify.createNotifier({
    env,
    clock: systemClock,
    logger,
    pid: process.pid,
    openSender: notify.openNativeSender,
  })
  const service = createService({
    config,
    logger,
    clock: systemClock,
    random: Math.random,
    version: packageVersion(),
    onStatus: (changed) => notifier.status(statusLine(changed.status())),
  })
  return supervise(service, {
    logger,
    notifier,
    events: process,
    ...(forMs === undefined ? {} : { forMs }),
    exitNow: invocation.exitNow,
  })
}

function durationOf(value: Invocation['values'][string]): number | undefined {
  if (value === undefined) return undefined
  const ms = parseDuration(String(value))
  if (typeof ms !== 'number') throw new UsageError(`option --for: ${ms.reason}`)
  if (ms === 0 || ms > kMaxForMs) throw new UsageError('option --for: must be from 1ms to 24d')
  return ms
}
