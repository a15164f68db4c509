import { existsSync, readFileSync } from 'node:fs'
import { getuid } from 'node:process'
import { fileURLToPath } from 'node:url'
import { findCgroupMount } from '../lib/cgroup/mount.js'
import type { DemoLab } from './demo-lab.js'

// dist/cli/ and src/cli/ lie equally deep below the package's top folder.
const fromTop = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const liveConfig = fromTop('pipelines/demo.yaml')
const recordingConfig = fromTop('pipelines/replay.yaml')
const recording = fromTop('test/fixtures/recordings/lab.usrec.gz')

/** The port Prometheus' registry of exporters gives to OpenTelemetry's. */
export const kPrometheusPort = 9464

/** The recording has 11 s; then there is nothing more to see. */
export const kRecordingMs = 14_000

/** What the demo shows: this machine's systemd, one booted for it, or a recording where neither can be. */
export type Subject =
  | { readonly kind: 'host' }
  | { readonly kind: 'lab'; readonly lab: DemoLab }
  | { readonly kind: 'recording'; readonly because: string }

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

const watched: Readonly<Record<Subject['kind'], string>> = {
  host: "Watching this machine's systemd.",
  lab: 'Watching a systemd booted for the demo; its services misbehave.',
  recording: 'Playing a recording of a systemd whose services misbehave; nothing of it happens here.',
}

/** The first lines. `port` is where Prometheus may scrape; a recording has none. */
export function opening(subject: Subject, port: number | undefined, forMs: number | undefined): string {
  const moved = port === kPrometheusPort ? '' : ` (port ${kPrometheusPort} is taken)`
  const lines = [watched[subject.kind]]
  if (subject.kind === 'recording') {
    const root = getuid?.() === 0 ? '' : ' As root it may: sudo npm run demo'
    lines.unshift(
      `No systemd answers on this machine, and the demo cannot boot one of its own: ${subject.because}.${root}`,
    )
  }
  if (port !== undefined) lines.push(`Metrics for Prometheus: http://127.0.0.1:${port}/metrics${moved}`)
  lines.push(forMs === undefined ? 'Ctrl-C ends it.' : `Ends after ${Math.round(forMs / 1000)} s, or with Ctrl-C.`)
  return `${lines.join('\n')}\n\n`
}
