import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { RawEvent } from '../../src/data/event.js'
import { attr, event } from '../../src/lib/systemd/names.js'
import { describeLab } from '../lab/describe-lab.js'
import type { Lab } from '../lab/lab.js'
import { expectNoNames } from '../support/names-in-bytes.js'
import { expectLedger, playRecording } from '../support/play-recording.js'
import { type Agent, startAgent, Workspace } from './agent.js'
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

const committed = new URL('../fixtures/recordings/', import.meta.url)

describeLab('a recording beside the live receiver', () => {
  const workspace = new Workspace()
  const file = workspace.path('lab.usrec')
  let lab: Lab
  let live: readonly RawEvent[]
  let recorder: Agent

  beforeAll(async () => {
    lab = await bootRecordedLab()
    const watched: Watch = await watch(lab, { service_whitelist: recordedUnits })
    try {
      recorder = await startRecording(lab, file)
      await misbehave(lab)
      for (const { run } of recordedScenarios.slice(0, -1)) await run(lab)
      await allMisbehaved(lab)
      await behave(lab)
      // The last scenario is daemon-reload and daemon-reexec: nothing happens to a unit, and both must find so.
      await recordedScenarios.at(-1)!.run(lab)
      live = await watched.take()
    } finally {
      await watched.close()
    }
  }, 110_000)

  afterAll(async () => {
    await recorder?.stop('SIGKILL')
    await lab?.close()
    workspace.remove()
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

function isMarker(one: RawEvent): boolean {
  return String(one.attributes[attr.unit]).startsWith('marker@')
}

/**
 * All but the moment at which each of the two connections was read; systemd gives the ends of jobs no time of their own, so
 * they have that one.
 */
function comparable({ observedTimeUnixNano, timeUnixNano, resource, ...one }: RawEvent) {
  const own = timeUnixNano === observedTimeUnixNano ? undefined : timeUnixNano
  return { ...one, timeUnixNano: own, resource: resource.attributes }
}
