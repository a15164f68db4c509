import { readdirSync, readFileSync } from 'node:fs'
import { bootLab, type Lab, waitFor } from '../lab/lab.js'
import { type Agent, startAgent } from './agent.js'
import { installScenarios, scenarios } from './systemd-scenarios.js'

/** What a recording of the lab is about; mounts, which bear names of this machine's folders, stay out. */
export const recordedUnits = ['*.service', '*.socket', '*.timer'] as const

const fixtures = new URL('../lab/fixtures/', import.meta.url)
const fixtureFiles = readdirSync(fixtures)

/** Those whose units do not bear the name of one that misbehaves at the same time; the last one reloads systemd. */
export const recordedScenarios = scenarios.filter(
  ({ units }) => !Object.keys(units).some((name) => fixtureFiles.includes(name)),
)

/** A lab with the units of all scenarios and the services that misbehave: all installed, those that misbehave loaded, none started. */
export async function bootRecordedLab(): Promise<Lab> {
  const lab = await bootLab()
  await installScenarios(lab)
  for (const name of fixtureFiles) {
    const text = readFileSync(new URL(name, fixtures), 'utf8')
    if (name.endsWith('.sh')) lab.writeFile(`/run/fixtures/${name}`, text, 0o755)
    else lab.writeUnit(name, text)
  }
  // An active target keeps loaded what it names: so their configuration is in the snapshot, and read by the live receiver
  // at its start, not some seconds later.
  lab.writeUnit('loaded.target', `[Unit]\nAfter=${misbehaving.join(' ')} report.service api.service web.service\n`)
  await lab.daemonReload()
  await lab.systemctl('start', 'dbus.service', 'loaded.target')
  return lab
}

const misbehaving = [
  'checkout.service',
  'database.service',
  'leaker.service',
  'report.timer',
  'slow-start.service',
  'stuck.service',
]

export const misbehave = (lab: Lab): Promise<string> => lab.systemctl('start', '--no-block', 'misbehaving.target')

/** Each one's bad day has come at least once. */
export async function allMisbehaved(lab: Lab): Promise<void> {
  const restarted = async (unit: string): Promise<boolean> =>
    Number((await lab.show(unit, 'NRestarts'))['NRestarts']) > 0
  const failed = 'report.service: Failed with result'
  await waitFor('every service to have misbehaved', async () => {
    for (const unit of ['checkout.service', 'database.service', 'leaker.service', 'stuck.service']) {
      if (!(await restarted(unit))) return false
    }
    return (await lab.journal('_PID=1')).some((entry) => entry['MESSAGE']?.includes(failed))
  })
}

export async function behave(lab: Lab): Promise<void> {
  await lab.systemctl('stop', ...misbehaving, 'api.service', 'web.service')
}

/** `unitscope record` as it ships, writing; `stop` lets it end the file. */
export async function startRecording(lab: Lab, file: string): Promise<Agent> {
  const units = recordedUnits.flatMap((pattern) => ['--units', pattern])
  const recorder = startAgent(['record', '--output', file, '--address', lab.busAddress, ...units])
  await recorder.logged(/^recording \d+ units? to /m)
  return recorder
}
