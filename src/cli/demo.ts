import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ExitCode } from '../errors.js'
import type { ComponentStatus } from '../graph/graph.js'
import { findCgroupMount } from '../lib/cgroup/mount.js'
import { type Command, type Invocation, UsageError } from './command.js'
import type { DemoLab } from './demo-lab.js'
import * as forOption from './for-option.js'

// dist/cli/ and src/cli/ lie equally deep below the package's top folder.
const defaultConfig = fileURLToPath(new URL('../../pipelines/demo.yaml', import.meta.url))

/** The port Prometheus' registry of exporters gives to OpenTelemetry's. */
const kPrometheusPort = 9464
const kParentCheckMs = 1000

export const command: Command = {
  name: 'demo',
  summary: 'Watch services start, crash and recover, here and now',
  description: [
    "Watches this machine's systemd and shows its events as they happen, with metrics for Prometheus on 127.0.0.1.",
    'Where no systemd runs (a container, a chroot) and you are root, it boots one of its own in namespaces, with services',
    'that misbehave; that needs the packages systemd and dbus, and leaves nothing behind.',
    'Ends with Ctrl-C or after --for, with a summary of what passed and of what was dropped and why.',
  ].join('\n'),
  options: {
    for: forOption.option,
    config: {
      type: 'string',
      short: 'c',
      placeholder: 'FILE',
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
  const { values, terminal } = invocation
  const forMs = forOption.parse(values['for'])
  if (values['lab'] === true && values['no-lab'] === true) throw new UsageError('--lab and --no-lab exclude each other')

  const [{ bootDemoLab, labObstacle }, source] = await Promise.all([
    import('./demo-lab.js'),
    import('./demo-source.js'),
  ])
  const onHost = values['lab'] !== true && (await source.hostHasSystemd())
  if (!onHost) {
    const obstacle = values['no-lab'] === true ? 'you asked for none' : await labObstacle()
    if (obstacle !== undefined) {
      const why = values['lab'] === true ? '' : 'No systemd answers on this machine (/run/dbus/system_bus_socket). '
      terminal.err.write(`${why}The demo cannot boot one of its own: ${obstacle}.\nRun it as root: sudo npm run demo\n`)
      return ExitCode.failure
    }
  }

  const port = await source.freePortFrom(kPrometheusPort)
  const lab = onHost ? undefined : await bootDemoLab()
  try {
    return await watch(invocation, lab, port, forMs)
  } finally {
    await lab?.close()
  }
}

async function watch(
  invocation: Invocation,
  lab: DemoLab | undefined,
  port: number,
  forMs: number | undefined,
): Promise<number> {
  const { values, terminal } = invocation
  const [{ loadConfig }, { registrations }, { withTally }, { runAgent }, { formatSummary, unbalanced }] =
    await Promise.all([
      import('../config/config.js'),
      import('../registry.js'),
      import('./demo-tally.js'),
      import('./run-agent.js'),
      import('./demo-summary.js'),
    ])
  // pipelines/demo.yaml takes these; another file may.
  const cgroupRoot = lab?.cgroupRoot ?? findCgroupMount(readFileSync('/proc/self/mountinfo', 'utf8'))?.path
  const env = {
    ...invocation.env,
    UNITSCOPE_PROMETHEUS_ENDPOINT: `127.0.0.1:${port}`,
    ...(cgroupRoot === undefined ? {} : { UNITSCOPE_CGROUP_ROOT: cgroupRoot }),
    ...(lab === undefined ? {} : { UNITSCOPE_BUS_ADDRESS: lab.busAddress }),
  }
  const file = String(values['config'] ?? defaultConfig)
  const { config, tally } = withTally(await loadConfig(file, registrations, env))

  const stopWatchingParent = endWithParent()
  try {
    const { code, summary } = await runAgent(config, invocation, {
      ...(forMs === undefined ? {} : { forMs }),
      // A person looks, also through `2>&1 | tee`.
      autoFormat: 'text',
      onStatus: endWithoutAudience(),
      onStarted: async () => {
        terminal.err.write(opening(lab, port, forMs))
        await lab?.startServices()
      },
    })
    terminal.err.write(`\n${formatSummary(summary, tally)}`)
    return code === ExitCode.ok && unbalanced(summary.ledger).length > 0 ? ExitCode.failure : code
  } finally {
    stopWatchingParent()
  }
}

function opening(lab: DemoLab | undefined, port: number, forMs: number | undefined): string {
  const moved = port === kPrometheusPort ? '' : ` (port ${kPrometheusPort} is taken)`
  return [
    lab === undefined
      ? "Watching this machine's systemd."
      : 'Watching a systemd booted for the demo; its services misbehave.',
    `Metrics for Prometheus: http://127.0.0.1:${port}/metrics${moved}`,
    forMs === undefined ? 'Ctrl-C ends it.' : `Ends after ${Math.round(forMs / 1000)} s, or with Ctrl-C.`,
    '',
    '',
  ].join('\n')
}

/** `demo | head`: where the screen is gone, there is nobody left to show anything to. */
function endWithoutAudience(): (components: readonly ComponentStatus[]) => void {
  let ending = false
  return (components) => {
    if (ending || !components.some(({ id, status }) => id.type === 'debug' && status.state === 'degraded')) return
    ending = true
    process.kill(process.pid, 'SIGTERM')
  }
}

/** npm and its shell do not pass SIGTERM on to us: when they are gone, nobody is left who could stop the demo. */
function endWithParent(): () => void {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    process.kill(process.pid, 'SIGTERM')
  }, kParentCheckMs)
  timer.unref()
  return () => clearInterval(timer)
}
