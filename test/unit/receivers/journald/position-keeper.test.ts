import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PositionKeeper } from '../../../../src/receivers/journald/position-keeper.js'
import { type FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { type RecordingTelemetry, testSettings } from '../../../../src/testkit/test-settings.js'
import { cursor } from '../../lib/journal/export-text.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unitscope-position-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function rig(enabled = true) {
  const settings = testSettings('receiver', 'journald', { stateDirectory: folder })
  const keeper = new PositionKeeper(settings, enabled)
  return { keeper, clock: settings.clock as FakeClock, telemetry: settings.telemetry as RecordingTelemetry }
}
const kept = (): Promise<string | undefined> => rig().keeper.load()

test('the next agent finds the last position', async () => {
  const { keeper } = rig()
  expect(await keeper.load()).toBeUndefined()
  for (let n = 0; n < 1000; n++) keeper.advance(cursor(n))
  await keeper.close()
  expect(await kept()).toBe(cursor(999))
})

test('it is saved once a second, not for each line', async () => {
  const { keeper, clock } = rig()
  keeper.advance(cursor(1))
  await clock.advance(999)
  expect(readdirSync(folder)).toEqual([])
  keeper.advance(cursor(2))
  await clock.advance(1)
  await keeper.close() // waits for the write under way; there is nothing new to save
  expect(await kept()).toBe(cursor(2))
  expect(clock.pending).toBe(0)
})

test('a damaged file is set aside, told, and nothing is known', async () => {
  const { keeper } = rig()
  keeper.advance(cursor(1))
  await keeper.close()
  const [name] = readdirSync(folder)
  const file = join(folder, name!)
  writeFileSync(file, readFileSync(file, 'utf8').replace(/i=1/, '--file=/etc/shadow'))
  const next = rig()
  expect(await next.keeper.load()).toBeUndefined()
  expect([...next.telemetry.errors]).toEqual([['state_damaged', 1]])
})

test('switched off, nothing is kept', async () => {
  const { keeper } = rig(false)
  keeper.advance(cursor(1))
  await keeper.close()
  expect(readdirSync(folder)).toEqual([])
})

test('a disk that cannot be written is counted, and tried again', async () => {
  const { keeper, clock, telemetry } = rig()
  const place = folder
  rmSync(place, { recursive: true })
  writeFileSync(place, 'a file in the way')
  keeper.advance(cursor(1))
  await clock.advance(1000)
  await keeper.close()
  expect(telemetry.errors.get('state_not_saved')).toBeGreaterThan(0)
  rmSync(place)
  keeper.advance(cursor(2))
  await keeper.close()
  await settle()
  expect(await kept()).toBe(cursor(2))
})
