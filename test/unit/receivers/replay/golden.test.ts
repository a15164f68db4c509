import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { RawEvent } from '../../../../src/data/event.js'
import { event } from '../../../../src/lib/systemd/names.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { Workspace } from '../../../e2e/agent.js'
import { expectNoNames } from '../../../support/names-in-bytes.js'
import { expectLedger, playRecording } from '../../../support/play-recording.js'

// The committed recording of a real systemd (test/fixtures/recordings/README.md) through the real parser: byte for byte the
// events that it gave when it was made. UPDATE_GOLDEN=1 writes them anew; read the difference.

const recording = fileURLToPath(new URL('../../../fixtures/recordings/lab.usrec.gz', import.meta.url))
const golden = fileURLToPath(new URL('../../../golden/recordings/lab.jsonl', import.meta.url))

test('as fast as possible: exactly the golden events, and every item accounted for', async () => {
  const played = await playRecording(recording)
  expect(played.said).toBe('the recording was played to its end')
  expect(played.host.last).toEqual({ state: 'ok' })
  const actual = played.events.map(asLine)
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, `${actual.join('\n')}\n`)
  expect(actual).toEqual(readFileSync(golden, 'utf8').trimEnd().split('\n'))
  expectLedger(played)
  expect([...played.telemetry.drops, ...played.telemetry.errors]).toEqual([])
  const { counters } = played.telemetry
  expect(counters.get('signal_messages')).toBeGreaterThan(2 * played.events.length)
  expect(counters.get('signals_suppressed')).toBeGreaterThan(100)
})

test('what it is made for is in it', async () => {
  const { events } = await playRecording(recording)
  const told = new Set(events.map(({ name }) => name))
  // The namespace lab has no memory controller, so nothing is killed for memory; a replay has no gaps.
  const absent: readonly string[] = [event.oomKilled, event.suppressed, event.gap]
  expect([...told].sort()).toEqual(
    Object.values(event)
      .filter((name) => !absent.includes(name))
      .filter((name) => !/^(systemd\.journal|unitscope|incident)\./.test(name)) // told by others
      .sort(),
  )
})

test('unpacked it plays alike, and neither form names a machine', async () => {
  const workspace = new Workspace()
  try {
    const bytes = gunzipSync(readFileSync(recording))
    expectNoNames(bytes)
    writeFileSync(workspace.path('lab.usrec'), bytes)
    const [packed, unpacked] = await Promise.all([playRecording(recording), playRecording(workspace.path('lab.usrec'))])
    expect(unpacked.events.map(asLine)).toEqual(packed.events.map(asLine))
  } finally {
    workspace.remove()
  }
})

test.each([
  ['real', 1],
  [10, 10],
] as const)('at speed %s: the same events, each at its recorded moment', async (speed, times) => {
  const kStepMs = 10
  const clock = new FakeClock()
  const emittedAt: { readonly hereMs: number; readonly recordedNs: bigint }[] = []
  let playing = true
  const played = playRecording(recording, { speed, collection_interval: '0s' }, { clock }, (batch) => {
    const [first] = batch.events
    if (first !== undefined) emittedAt.push({ hereMs: clock.monotonicMs(), recordedNs: first.observedTimeUnixNano })
  }).finally(() => {
    playing = false
  })
  while (playing) {
    // Time stands still while the receiver reads its file, so only waiting for the pace lets it pass.
    if (clock.pending > 0) await clock.advance(kStepMs)
    else await new Promise((resolve) => setImmediate(resolve))
  }
  expect((await played).events.map(asLine)).toEqual(readFileSync(golden, 'utf8').trimEnd().split('\n'))
  const [start] = emittedAt
  for (const { hereMs, recordedNs } of emittedAt) {
    const dueMs = start!.hereMs + Number(recordedNs - start!.recordedNs) / 1e6 / times
    expect(Math.abs(hereMs - dueMs)).toBeLessThanOrEqual(2 * kStepMs)
  }
  expect(emittedAt.at(-1)!.hereMs).toBeGreaterThan(5000 / times)
})

/** All of an event on one line; numbers of 64 bits as text. */
function asLine({ resource, ...one }: RawEvent): string {
  return JSON.stringify({ ...one, resource: resource.key }, (_, value) =>
    typeof value === 'bigint' ? String(value) : value,
  )
}
