import { getuid } from 'node:process'
import { ExitCode } from '../errors.js'
import type { ComponentStatus } from '../graph/graph.js'
import { type Command, FailureError, type Invocation, UsageError } from './command.js'
import type { Subject } from './demo-subject.js'
import * as forOption from './for-option.js'

const kParentCheckMs = 1000

export const command: Command = {
  name: 'demo',
  summary: 'Watch services start, crash and recover, here and now',
  description: [
    "Watches this machine's systemd and shows its events as they happen, with metrics for Prometheus on 127.0.0.1.",
    'Where no systemd runs (a container, a chroot) and you are root, it boots one of its own in namespaces, with services',
    'that misbehave; that needs the packages systemd and dbus, and leaves nothing behind. Where that cannot be either, it',
    'plays a recording of one.',
    'Ends with Ctrl-C or after --for, with a summary of what passed and of what was dropped and why.',
  ].join('\n'),
  options: {
    for: forOption.option,
    config: {
      type: 'string',
      short: 'c',
      valueName: 'FILE',
      description: 'Another configuration than pipelines/demo.yaml',
      completes: 'file',
    },
    lab: { type: 'boolean', description: "Boot the demo's own systemd even where this machine has one" },
    'no-lab': { type: 'boolean', description: "Only ever watch this machine's systemd" },
  },
  examples: [
    { line: 'unitscope demo', what: 'Until Ctrl-C' },
    { line: 'sudo unitscope demo --lab --for 30s', what: 'Half a minute of services that misbehave' },
  ],
  run,
}

async function run(invocation: Invocation): Promise<number> {
  const { values } = invocation
  const forMs = forOption.parse(values['for'])
  if (values['lab'] === true && values['no-lab'] === true) throw new UsageError('--lab and --no-lab exclude each other')

  const [{ bootDemoLab, labObstacle }, { hostHasSystemd }, { checkInstalled, hasRecording, kRecordingMs }] =
    await Promise.all([import('./demo-lab.js'), import('./demo-source.js'), import('./demo-subject.js')])
  checkInstalled()
  await checkConfig(invocation)
  const onHost = values['lab'] !== true && (await hostHasSystemd())
  const obstacle = onHost ? undefined : values['no-lab'] === true ? 'you asked for none' : await labObstacle()
  // Who asks for this machine's systemd, a lab or a configuration of their own is not served by a recording.
  const insists = ['lab', 'no-lab', 'config'].some((name) => values[name] !== undefined)
  if (obstacle !== undefined && (insists || !hasRecording())) {
    throw new FailureError(refusal(values, obstacle))
  }
  if (obstacle !== undefined) return watch(invocation, { kind: 'recording', because: obstacle }, forMs ?? kRecordingMs)
  if (onHost) return watch(invocation, { kind: 'host' }, forMs)
  const lab = await bootDemoLab()
  try {
    return await watch(invocation, { kind: 'lab', lab }, forMs)
  } finally {
    await lab.close()
  }
}

/** A file with a mistake in it is told before a systemd is booted, which takes seconds. */
async function checkConfig({ values, env }: Invocation): Promise<void> {
  if (values['config'] === undefined) return
  const [{ loadConfig }, { registrations }, { kPrometheusPort, notYetBooted }] = await Promise.all([
    import('../config/config.js'),
    import('../registry.js'),
    import('./demo-subject.js'),
  ])
  await loadConfig(String(values['config']), registrations, { ...env, ...notYetBooted(kPrometheusPort) })
}

/** Why there is nothing to show, and what would help. */
function refusal({ lab, 'no-lab': noLab }: Invocation['values'], obstacle: string): string {
  const noBus = 'no systemd answers on this machine (/run/dbus/system_bus_socket)'
  if (noLab === true) return `${noBus}: leave out --no-lab, and the demo boots one of its own or plays a recording`
  const asRoot = getuid?.() === 0 ? '' : `; as root it may: sudo npm run demo${lab === true ? ' -- --lab' : ''}`
  return `${lab === true ? '' : `${noBus}, and `}none can be booted for the demo: ${obstacle}${asRoot}`
}

async function watch(invocation: Invocation, subject: Subject, forMs: number | undefined): Promise<number> {
  const { values, terminal } = invocation
  const [
    { loadConfig },
    { registrations },
    { freePortFrom },
    { configOf, environment, kPrometheusPort, opening },
    { withTally },
    { runAgent },
    { formatSummary, unbalanced },
  ] = await Promise.all([
    import('../config/config.js'),
    import('../registry.js'),
    import('./demo-source.js'),
    import('./demo-subject.js'),
    import('./demo-tally.js'),
    import('./run-agent.js'),
    import('./demo-summary.js'),
  ])
  const recorded = subject.kind === 'recording'
  const port = recorded ? undefined : await freePortFrom(kPrometheusPort)
  const env = { ...invocation.env, ...environment(subject, port) }
  const file = values['config'] === undefined ? undefined : String(values['config'])
  const loaded = await loadConfig(file ?? configOf(subject), registrations, env)
  // As in pipelines/demo.yaml: the events are the show.
  const quiet = recorded ? { ...loaded, telemetry: { ...loaded.telemetry, log_level: 'warn' as const } } : loaded
  const { config, tally } = withTally(quiet)

  const enough = new AbortController()
  const stopWatchingParent = endWithParent(enough)
  try {
    const { code, summary } = await runAgent(config, invocation, {
      ...(forMs === undefined ? {} : { forMs }),
      // A person looks, also through `2>&1 | tee`.
      autoFormat: 'text',
      enough: enough.signal,
      onStatus: endWithoutAudience(enough),
      onStarted: async () => {
        terminal.err.write(opening({ subject, config: loaded, file, port, forMs }))
        if (subject.kind === 'lab') await subject.lab.startServices()
      },
    })
    terminal.err.write(`\n${formatSummary(summary, tally)}`)
    return code === ExitCode.ok && unbalanced(summary.ledger).length > 0 ? ExitCode.failure : code
  } finally {
    stopWatchingParent()
  }
}

/** `demo | head`: where the screen is gone, there is nobody left to show anything to. */
function endWithoutAudience(enough: AbortController): (components: readonly ComponentStatus[]) => void {
  return (components) => {
    if (components.some(({ id, status }) => id.type === 'debug' && status.state === 'degraded')) {
      enough.abort('nobody looks any more')
    }
  }
}

/** npm and its shell do not pass SIGTERM on to us: when they are gone, nobody is left who could stop the demo. */
function endWithParent(enough: AbortController): () => void {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    enough.abort('what started the demo has ended')
  }, kParentCheckMs)
  timer.unref()
  return () => clearInterval(timer)
}
