import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StateFile, statePath } from '../../../../src/lib/storage/state-file.js'
import { testSettings } from '../../../../src/testkit/test-settings.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unitscope-state-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const fileOf = (path: string, version = 1) =>
  new StateFile<{ count: number }>({
    path,
    content: 'counts',
    version,
    parse(json) {
      const { count } = json as { count?: unknown }
      if (typeof count !== 'number') throw new Error('no count')
      return { count }
    },
  })

test('what was saved is there in the next life, readable by its owner only', async () => {
  const path = join(folder, 'deep', 'counts')
  await fileOf(path).save({ count: 7 })
  expect(await fileOf(path).load()).toEqual({ kind: 'ok', value: { count: 7 } })
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(join(folder, 'deep')).mode & 0o777).toBe(0o700)
  expect(readdirSync(join(folder, 'deep'))).toEqual(['counts'])
})

test('the first life finds nothing', async () => {
  expect(await fileOf(join(folder, 'counts')).load()).toEqual({ kind: 'none' })
})

test('of many values saved at once the last one stays', async () => {
  const file = fileOf(join(folder, 'counts'))
  await Promise.all([1, 2, 3, 4, 5].map((count) => file.save({ count })))
  expect(await file.load()).toEqual({ kind: 'ok', value: { count: 5 } })
})

test('a disk that refuses is an error for the caller, and the old value stays', async () => {
  const path = join(folder, 'counts')
  const file = fileOf(path)
  await file.save({ count: 1 })
  const blocker = `${path}.new`
  await import('node:fs/promises').then(({ mkdir }) => mkdir(blocker))
  await expect(file.save({ count: 2 })).rejects.toThrow('EISDIR')
  rmSync(blocker, { recursive: true })
  expect(await file.load()).toEqual({ kind: 'ok', value: { count: 1 } })
  await file.save({ count: 3 })
  expect(await file.load()).toEqual({ kind: 'ok', value: { count: 3 } })
})

test('what would be too large to be read again is not written, and the old value stays', async () => {
  const path = join(folder, 'texts')
  const file = new StateFile<string>({ path, content: 'texts', version: 1, parse: String })
  await file.save('small')
  await expect(file.save('x'.repeat(32 * 1024 * 1024))).rejects.toThrow('larger than 33554432 bytes')
  expect(await file.load()).toEqual({ kind: 'ok', value: 'small' })
  const most = 'x'.repeat(32 * 1024 * 1024 - 100)
  await file.save(most)
  expect(await file.load()).toEqual({ kind: 'ok', value: most })
})

test('a text in parts makes the same file as its value, a character that takes four bytes at each seam too', async () => {
  const value = Array.from({ length: 3000 }, (_, n) => `${n} ${'ü😀'.repeat(20)}`)
  const whole = new StateFile<unknown>({ path: join(folder, 'whole'), content: 'texts', version: 1, parse: (it) => it })
  const parts = new StateFile<unknown>({ path: join(folder, 'parts'), content: 'texts', version: 1, parse: (it) => it })
  await whole.save(value)
  const texts = value.map((text, n) => `${n === 0 ? '[' : ','}${JSON.stringify(text)}`)
  await parts.saveText([...texts, ']'], () => 0)
  expect(readFileSync(parts.path)).toEqual(readFileSync(whole.path))
  expect(await parts.load()).toEqual({ kind: 'ok', value })
})

test('a text in parts that becomes too large is given up there, and the old value stays', async () => {
  let made = 0
  function* endless() {
    for (;;) {
      made++
      yield 'x'.repeat(1024 * 1024)
    }
  }
  const file = new StateFile<string>({ path: join(folder, 'texts'), content: 'texts', version: 1, parse: String })
  await file.save('small')
  await expect(file.saveText(endless(), () => 0)).rejects.toThrow('larger than 33554432 bytes')
  expect(made).toBe(33)
  expect(await file.load()).toEqual({ kind: 'ok', value: 'small' })
})

test('a folder that cannot be made is an error, at once', async () => {
  await expect(fileOf('/proc/nope/counts').save({ count: 1 })).rejects.toThrow('ENOENT')
  await expect(fileOf(join(folder, 'a', 'b', 'counts')).save({ count: 1 })).rejects.toThrow('ENOENT')
})

describe('what is damaged is set aside, and never believed', () => {
  const good = async (path: string) => {
    await fileOf(path).save({ count: 7 })
    return readFileSync(path, 'utf8')
  }
  test.each<[string, (text: string) => string, string]>([
    ['cut short', (text) => text.slice(0, -1), 'it is not whole'],
    ['edited', (text) => text.replace(':7', ':8'), 'its checksum is wrong'],
    ['of a later version', (text) => text.replace('counts 1', 'counts 2'), 'it is of version 2, this agent writes 1'],
    ['of something else', (text) => text.replace('counts', 'cursors'), 'it holds cursors, not counts'],
    ['no state file', () => 'hello', 'it does not begin as a state file'],
    ['empty', () => '', 'it does not begin as a state file'],
  ])('%s', async (_what, damage, reason) => {
    const path = join(folder, 'counts')
    writeFileSync(path, damage(await good(path)))
    expect(await fileOf(path).load()).toEqual({ kind: 'damaged', reason, movedTo: `${path}.damaged` })
    expect(readdirSync(folder)).toEqual(['counts.damaged'])
    chmodSync(folder, 0o700)
  })
})

test('components of any id keep their files apart, inside the state directory', () => {
  const of = (id: string, stateDirectory?: string) =>
    statePath(testSettings('receiver', id, stateDirectory === undefined ? {} : { stateDirectory }), 'counts')
  expect(of('systemd', '/var/lib/unitscope')).toBe('/var/lib/unitscope/receiver.systemd.counts')
  expect(of('systemd/user', '/s')).toBe('/s/receiver.systemd%2fuser.counts')
  expect(of('systemd')).toBeUndefined()
  const at = (pipeline: string) =>
    statePath(testSettings('processor', 'x', { stateDirectory: '/s', pipeline }), 'counts')
  expect([at('main'), at('logs/b')]).toEqual(['/s/processor.x@main.counts', '/s/processor.x@logs%2fb.counts'])
})
