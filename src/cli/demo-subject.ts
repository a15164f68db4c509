import { existsSync, readFileSync } from 'node:fs'
import { getuid } from 'node:process'
import type { AgentConfig, ComponentConfig } from '../config/agent-config.js'
import { findCgroupMount } from '../lib/cgroup/mount.js'
import { packageFile } from '../util/package.js'
import { FailureError } from './command.js'
import type { DemoLab } from './demo-lab.js'

const liveConfig = packageFile('pipelines/demo.yaml')
const recordingConfig = packageFile('pipelines/replay.yaml')
const recording = packageFile('test/fixtures/recordings/lab.usrec.gz')

/** The port Prometheus' registry of exporters gives to OpenTelemetry's. */
export const kPrometheusPort = 9464

/** The recording has 11 s; then there is nothing more to see. */
export const kRecordingMs = 14_000

/** What the demo shows: this machine's systemd, one booted for it, or a recording where neither can be. */
export type Subject =
  | { readonly kind: 'host' }
  | { readonly kind: 'lab'; readonly lab: DemoLab }
  | { readonly kind: 'recording'; readonly because: string }

/** @throws FailureError where only what the agent itself needs was installed */
export function checkInstalled(): void {
  if (existsSync(liveConfig)) return
  throw new FailureError(
    `the files of the demo are not installed (${liveConfig}): run it in a checkout, or from the package that npm pack makes`,
  )
}

export const hasRecording = (): boolean => existsSync(recording)

export const configOf = ({ kind }: Subject): string => (kind === 'recording' ? recordingConfig : liveConfig)

/** What pipelines/demo.yaml and pipelines/replay.yaml take from the environment; another file may. */
export function environment(subject: Subject, port: number | undefined): Readonly<Record<string, string>> {
  if (subject.kind === 'recording') return { UNITSCOPE_RECORDING: recording, UNITSCOPE_SPEED: 'real' }
  const cgroupRoot =
    subject.kind === 'lab'
      ? subject.lab.cgroupRoot
      : findCgroupMount(readFileSync('/proc/self/mountinfo', 'utf8'))?.path
  return {
    UNITSCOPE_PROMETHEUS_ENDPOINT: `127.0.0.1:${port}`,
    ...(cgroupRoot === undefined ? {} : { UNITSCOPE_CGROUP_ROOT: cgroupRoot }),
    ...(subject.kind === 'lab' ? { UNITSCOPE_BUS_ADDRESS: subject.lab.busAddress } : {}),
  }
}

/** What a configuration is checked with before anything is booted for it. */
export const notYetBooted = (port: number): Readonly<Record<string, string>> => ({
  UNITSCOPE_PROMETHEUS_ENDPOINT: `127.0.0.1:${port}`,
  UNITSCOPE_BUS_ADDRESS: systemBus,
  UNITSCOPE_CGROUP_ROOT: '/sys/fs/cgroup',
})

/** What pipelines/demo.yaml watches by itself. */
const systemBus = 'unix:path=/run/dbus/system_bus_socket'

const watched: Readonly<Record<Subject['kind'], string>> = {
  host: "Watching this machine's systemd.",
  lab: 'Watching a systemd booted for the demo; its services misbehave.',
  recording: 'Playing a recording of a systemd whose services misbehave; nothing of it happens here.',
}

export interface Opening {
  readonly subject: Subject
  readonly config: AgentConfig
  /** The configuration someone named, if one did. */
  readonly file: string | undefined
  /** Where Prometheus may scrape, if the configuration leaves that to the environment; a recording has none. */
  readonly port: number | undefined
  readonly forMs: number | undefined
}

/** The first lines: true of the configuration that runs, whoever has written it. */
export function opening({ subject, config, file, port, forMs }: Opening): string {
  const lines: string[] = []
  if (subject.kind === 'recording') {
    const root = getuid?.() === 0 ? '' : ' As root it may: sudo npm run demo'
    lines.push(
      `No systemd answers on this machine, and the demo cannot boot one of its own: ${subject.because}.${root}`,
    )
  }
  lines.push(file === undefined ? watched[subject.kind] : watchedBy(file, subject, config))
  for (const { config: exporter } of used(config, 'exporters', 'prometheus')) {
    const { endpoint, path } = exporter as { readonly endpoint: string; readonly path: string }
    const moved =
      port !== kPrometheusPort && endpoint === `127.0.0.1:${port}` ? ` (port ${kPrometheusPort} is taken)` : ''
    lines.push(`Metrics for Prometheus: http://${endpoint}${path}${moved}`)
  }
  lines.push(forMs === undefined ? 'Ctrl-C ends it.' : `Ends after ${Math.round(forMs / 1000)} s, or with Ctrl-C.`)
  return `${lines.join('\n')}\n\n`
}

function watchedBy(file: string, subject: Subject, config: AgentConfig): string {
  const own = subject.kind === 'lab' ? subject.lab.busAddress : systemBus
  const buses = used(config, 'receivers', 'systemd').map(({ config: receiver }) => {
    const { address, scope } = receiver as { readonly address?: string; readonly scope: string }
    return address ?? (scope === 'user' ? "the user's bus" : systemBus)
  })
  if (buses.length > 0 && buses.every((bus) => bus === own)) return watched[subject.kind]
  const what =
    buses.length === 0
      ? `No receiver of ${file} watches a systemd.`
      : `Watching ${buses.join(' and ')}, as ${file} says.`
  if (subject.kind !== 'lab' || buses.includes(own)) return what
  return `${what} The systemd booted for the demo is not watched: address: \${env:UNITSCOPE_BUS_ADDRESS} would.`
}

/** Components of a type that a pipeline uses. */
function used(config: AgentConfig, kind: 'receivers' | 'exporters', type: string): readonly ComponentConfig[] {
  const ids = new Set(config.pipelines.flatMap((pipeline) => pipeline[kind]))
  return [...config[kind].values()].filter(({ id }) => id.type === type && ids.has(id.id))
}
