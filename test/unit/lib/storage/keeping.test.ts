import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { silentLogger } from '../../../../src/component/logger.js'
import { Keeping } from '../../../../src/lib/storage/keeping.js'
import { StateFile } from '../../../../src/lib/storage/state-file.js'
import { RecordingTelemetry, testSettings } from '../../../../src/testkit/test-settings.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unitscope-keeping-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function rig(place: string) {
  const warnings: string[] = []
  const told: (string | undefined)[] = []
  const telemetry = new RecordingTelemetry()
  const settings = testSettings('receiver', 'systemd', {
    telemetry,
    logger: { ...silentLogger, warn: (text) => void warnings.push(text) },
    keeping: (trouble) => void told.push(trouble),
  })
  const file = new StateFile<string>({ path: join(place, 'counts'), content: 'counts', version: 1, parse: String })
  const keeping = new Keeping(settings, 'counts')
  return { file, keeping, warnings, told, errors: telemetry.errors }
}

describe('a look at the start', () => {
  test.each([
    ['/proc/nope', /^counts cannot be kept: ENOENT/],
    ['/no/such/folder', /^counts cannot be kept: ENOENT/],
    ['/etc/passwd', /^counts cannot be kept: ENOTDIR/],
  ])('tells that nothing can be kept in %s, and counts no failed save', async (place, reason) => {
    const { file, keeping, warnings, told, errors } = rig(place)
    await keeping.look(file)
    expect(warnings).toEqual([expect.stringMatching(reason)])
    expect(told).toEqual(warnings)
    expect(errors.size).toBe(0)
  })

  test('says nothing where something can be kept, and where nothing is to be', async () => {
    const { file, keeping, warnings, told } = rig(join(folder, 'state'))
    await keeping.look(file)
    await keeping.look(undefined)
    keeping.saved()
    expect([warnings, told]).toEqual([[], []])
    await file.save('x')
  })
})

test('a save that fails is told once for each reason, and so is the first that does not', async () => {
  const { file, keeping, warnings, told, errors } = rig(folder)
  rmSync(folder, { recursive: true })
  writeFileSync(folder, 'a file in the way')
  await keeping.look(file)
  await file.save('x').catch((error: unknown) => keeping.notSaved(error))
  expect(warnings).toHaveLength(1)
  keeping.notSaved(new Error('it would be larger than 1 byte'))
  expect(warnings[1]).toBe('counts cannot be kept: it would be larger than 1 byte')
  expect(told).toEqual(warnings)
  keeping.saved()
  keeping.saved()
  expect(told).toEqual([...warnings, undefined])
  expect(errors.get('state_not_saved')).toBe(2)
})
