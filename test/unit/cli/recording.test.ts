import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { CaptureChunk } from '../../../src/binding/signal-source.js'
import { type RecordSource, runRecord } from '../../../src/cli/run-record.js'
import type { Properties } from '../../../src/lib/systemd/control-plane.js'
import { playRecording } from '../../support/play-recording.js'
import { FakeSource } from '../receivers/systemd/fake-source.js'

// What `record` writes and answers, for what a real bus does not do on demand; a real one is test/e2e/record-replay.test.ts.

const folder = mkdtempSync(join(tmpdir(), 'unitscope-recording-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A bus with two units of which the first depends on the second, and a reader that captures what it is told. */
function makeSource(capture: { chunks: readonly CaptureChunk[]; truncated: boolean }): RecordSource {
  const bus = new FakeSource()
  for (const name of ['web.service', 'secret-db.service', 'secret.mount'])
    bus.units.set(name, { activeState: 'active', subState: 'running' })
  const dependencies: Properties = { Requires: ['secret-db.service', 'web.service'], BindsTo: ['secret.mount'] }
  return {
    native: {
      createSignalReader: (options, onRecords) => ({
        ...bus.native.createSignalReader(options, onRecords),
        takeCapture: () => capture,
      }),
    },
    async connect() {
      const plane = await bus.connect()
      return {
        ...plane,
        getProperties: async (...asked) => ({ ...(await plane.getProperties(...asked)), ...dependencies }),
      }
    },
  }
}

async function record(name: string, units: readonly string[], source: RecordSource) {
  const file = join(folder, name)
  let stderr = ''
  const out = (write: (text: string) => void) => ({ write, isTty: false, columns: 80, color: false })
  const terminal = {
    out: out(() => {}),
    err: out((text) => {
      stderr += text
    }),
  }
  const values = { output: file, for: '1ms', address: 'unix:path=/nobody', ...(units.length > 0 ? { units } : {}) }
  const invocation = { values, operands: [], env: {}, terminal } as unknown as Parameters<typeof runRecord>[0]
  return { exit: await runRecord(invocation, source), stderr, file }
}

test('a pattern that matches no unit is said at once: the time would be for nothing', async () => {
  const { exit, stderr } = await record('none.usrec', ['wbe'], makeSource({ chunks: [], truncated: false }))
  expect(exit).toBe(0)
  expect(stderr).toMatch(/^recording 0 units to \S+, for wbe\.service matches none now: /)
})

test('--units names no other unit, not even those that the chosen ones depend on', async () => {
  const quiet = { chunks: [], truncated: false }
  const all = await record('all.usrec', [], makeSource(quiet))
  expect(readFileSync(all.file, 'utf8')).toMatch(/secret-db\.service.*secret\.mount/s)

  const chosen = await record('chosen.usrec', ['web'], makeSource(quiet))
  expect(chosen).toMatchObject({ exit: 0, stderr: expect.stringMatching(/^recorded 1 unit, \d+ bytes: /m) })
  const text = readFileSync(chosen.file, 'utf8')
  expect(text).toContain('web.service')
  expect(text).not.toContain('secret')
})

test('a disk that is too slow ends it with exit code 1; what was written plays, and says that the rest is missing', async () => {
  const { exit, stderr, file } = await record('slow.usrec', [], makeSource({ chunks: [], truncated: true }))
  expect(exit).toBe(1)
  expect(stderr).toMatch(/^recorded 3 units, \d+ bytes: the disk is too slow\nunitscope record: .*missing: .*\n$/m)
  expect((await playRecording(file)).host.last).toMatchObject({ state: 'degraded' })
})
