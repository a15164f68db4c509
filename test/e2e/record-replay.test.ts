import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { RawEvent } from '../../src/data/event.js'
import { attr, event } from '../../src/lib/systemd/names.js'
import { describeLab } from '../lab/describe-lab.js'
import { type Lab, run, waitFor, withLab } from '../lab/lab.js'
import { expectNoNames } from '../support/names-in-bytes.js'
import { expectLedger, playRecording } from '../support/play-recording.js'
import { type Agent, agentMain, startAgent, Workspace } from './agent.js'
import {
  allMisbehaved,
  behave,
  bootRecordedLab,
  misbehave,
  recordedScenarios,
  recordedUnits,
  startRecording,
} from './recorded-lab.js'
import { type Watch, watch } from './systemd-support.js'

// `unitscope record` and the live receiver side by side on one systemd. With UPDATE_RECORDING=1 what was recorded becomes
// the committed recording; then UPDATE_GOLDEN=1 makes its golden events anew (test/fixtures/recordings/README.md).

/** Less than the snapshot of a lab. */
const kFullBytes = 20_000

const committed = new URL('../fixtures/recordings/', import.meta.url)

describeLab('a recording beside the live receiver', () => {
  let workspace: Workspace
  let file: string
  let lab: Lab
  let live: readonly RawEvent[]
  let recorder: Agent

  beforeAll(async () => {
    workspace = new Workspace()
    file = workspace.path('lab.usrec')
    lab = await bootRecordedLab()
    const watched: Watch = await watch(lab, { service_whitelist: recordedUnits })
    try {
      recorder = await startRecording(lab, file)
      await misbehave(lab)
      for (const scenario of recordedScenarios.slice(0, -1)) await scenario.run(lab)
      await allMisbehaved(lab)
      await behave(lab)
      // The last scenario is daemon-reload and daemon-reexec: nothing happens to a unit, and both must find so.
      await recordedScenarios.at(-1)!.run(lab)
      live = await watched.take()
      // A marker of the recorder's own: it may be behind.
      await lab.systemctl('start', 'marker@recorded.service')
      await waitFor('the end in the file', () => readFileSync(file).includes('marker_40recorded_2eservice'))
    } finally {
      await watched.close()
    }
  }, 240_000)

  afterAll(async () => {
    await recorder?.stop('SIGKILL')
    await lab?.close()
    workspace?.remove()
  })

  it('is not written over what is there', async () => {
    const again = startAgent(['record', '--output', file, '--address', lab.busAddress])
    expect(await again.exited).toMatchObject({ code: 1 })
    expect(again.stderr).toBe(`unitscope record: ${file}: the file exists already; --force replaces it\n`)
  })

  it('is ended by Ctrl-C, and says what is in it', async () => {
    expect(await recorder.stop('SIGINT')).toMatchObject({ code: 0, signal: null })
    expect(recorder.stderr).toMatch(/^recorded \d+ units, \d+ bytes: stopped$/m)
  })

  it('gives the same events, in the same order', async () => {
    const played = await playRecording(file)
    const replayed = played.events.filter((one) => !isMarker(one))
    expect(replayed.map(comparable)).toEqual(live.filter((one) => one.name !== event.gap).map(comparable))
    expect(replayed.length).toBeGreaterThan(200)
    expect(played.host.last).toEqual({ state: 'ok' })
    expectLedger(played)
  })

  it('holds no name of this machine, its user or its folders', async () => {
    const bytes = readFileSync(file)
    expectNoNames(bytes)
    if (process.env['UPDATE_RECORDING'] !== '1') return
    mkdirSync(committed, { recursive: true })
    writeFileSync(new URL('lab.usrec.gz', committed), gzipSync(bytes, { level: 9 }))
    const { stdout } = await lab.exec(['systemctl', '--version'])
    console.log(`test/fixtures/recordings/lab.usrec.gz was made by ${stdout.split('\n')[0]}`)
  })
})

describeLab('a recorder that does not get to its end', () => {
  it('is told by the bus that it is over, writes an end, and the file is whole', () =>
    withRecorder(async (lab, recorder, file) => {
      await failOnce(lab, file)
      await lab.killBus()
      expect(await recorder.exited).toMatchObject({ code: 0 })
      expect(recorder.stderr).toMatch(/^recorded \d+ units, \d+ bytes: the connection ended: \S/m)
      const { said, events } = await playRecording(file)
      expect(said).toBe('the recording was played to its end')
      expect(failures(events)).toEqual(['bad.service'])
    }))

  it('is killed: what it had written plays, and the status says that the end is missing', () =>
    withRecorder(async (lab, recorder, file) => {
      await failOnce(lab, file)
      await recorder.stop('SIGKILL')
      const { host, events } = await playRecording(file)
      expect(host.last).toMatchObject({ state: 'degraded', reason: expect.stringContaining('it has no end') })
      expect(failures(events)).toEqual(['bad.service'])
    }))

  it('finds the disk full, and says so; what it had written plays', () =>
    withLab(async (lab) => {
      const workspace = new Workspace()
      try {
        // A file may not grow over this, as on a full disk: write(2) is cut short, and the next one fails.
        const limit = ['prlimit', `--fsize=${kFullBytes}`]
        const file = workspace.path('full.usrec')
        const argv = ['record', '--output', file, '--address', lab.busAddress]
        const { code, stderr } = await run(limit[0]!, [limit[1]!, process.execPath, agentMain, ...argv], {
          allowFailure: true,
        })
        expect(code).toBe(1)
        expect(stderr).toBe(`unitscope record: ${file}: EFBIG: file too large, write\n`)
        expect(statSync(file).size).toBe(kFullBytes)
        expect((await playRecording(file)).host.last).toMatchObject({ state: 'degraded' })
      } finally {
        workspace.remove()
      }
    }))
})

function withRecorder(body: (lab: Lab, recorder: Agent, file: string) => Promise<void>): Promise<void> {
  return withLab(async (lab) => {
    const workspace = new Workspace()
    const file = workspace.path('short.usrec')
    const recorder = await startRecording(lab, file)
    try {
      await body(lab, recorder, file)
    } finally {
      await recorder.stop('SIGKILL')
      workspace.remove()
    }
  })
}

/**
 * Resolves when the failure is in the file, which is written ten times a second. A failure is several messages: all are there
 * once something is that happened afterwards.
 */
async function failOnce(lab: Lab, file: string): Promise<void> {
  lab.writeUnit('bad.service', '[Service]\nType=oneshot\nExecStart=/bin/false\n')
  lab.writeUnit('afterwards.service', '[Service]\nType=oneshot\nExecStart=/bin/true\n')
  await lab.exec(['systemctl', 'start', 'bad.service'], { allowFailure: true })
  await lab.systemctl('start', 'afterwards.service')
  await waitFor('what came after the failure in the file', () => readFileSync(file).includes('afterwards_2eservice'))
}

function failures(events: readonly RawEvent[]): unknown[] {
  return events.filter(({ name }) => name === event.failed).map(({ attributes }) => attributes[attr.unit])
}

function isMarker(one: RawEvent): boolean {
  return String(one.attributes[attr.unit]).startsWith('marker@')
}

/**
 * All but the moment at which each of the two connections was read; systemd gives the ends of jobs no time of their own, so
 * they have that one.
 */
function comparable({ observedTimeUnixNano, timeUnixNano, resource, attributes, ...one }: RawEvent) {
  const own = timeUnixNano === observedTimeUnixNano ? undefined : timeUnixNano
  // When its signal was read, by each of the two.
  const { [attr.jobQueuedUsec]: _, ...told } = attributes
  return { ...one, attributes: told, timeUnixNano: own, resource: resource.attributes }
}
