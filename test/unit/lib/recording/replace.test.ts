import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { RecordingError } from '../../../../src/lib/recording/format.js'
import { RecordingReader } from '../../../../src/lib/recording/reader.js'
import { RecordingWriter } from '../../../../src/lib/recording/writer.js'

// `record --force`: a file is replaced, never written over, and not before there is something to replace it with.

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unitscope-replace-'))
  path = join(folder, 'x.usrec')
})
afterEach(() => rmSync(folder, { recursive: true }))

const snapshot = { realtimeNs: 1n, units: [] }

async function kindsOf(file: string): Promise<readonly string[]> {
  const reader = await RecordingReader.open(file)
  const kinds: string[] = []
  for (let frame = await reader.next(); frame !== undefined; frame = await reader.next()) kinds.push(frame.kind)
  await reader.close()
  return kinds
}

test('the old file stays until the new one can be played, and then the new one is there although nobody ends it', async () => {
  writeFileSync(path, 'the old recording')
  const writer = await RecordingWriter.create(path, true)
  expect(readFileSync(path, 'utf8')).toBe('the old recording')
  await writer.snapshot(snapshot)
  expect(await kindsOf(path)).toEqual(['snapshot'])
  await writer.chunk({ realtimeNs: 1n, boottimeNs: 1n, bytes: Buffer.from('bytes') })
  expect(await kindsOf(path)).toEqual(['snapshot', 'chunk'])
  await writer.end('done', false)
  expect(await kindsOf(path)).toEqual(['snapshot', 'chunk', 'end'])
  expect(readdirSync(folder)).toEqual(['x.usrec'])
})

test('a recording that fails before that leaves the old file as it was, and nothing else', async () => {
  writeFileSync(path, 'the old recording', { mode: 0o644 })
  const writer = await RecordingWriter.create(path, true)
  const tooLarge = { name: `${'a'.repeat(2 ** 26)}.service`, state: {} as never }
  await expect(writer.snapshot({ ...snapshot, units: [tooLarge] })).rejects.toThrow(/too large to record/)
  await writer.close()
  expect(readFileSync(path, 'utf8')).toBe('the old recording')
  expect(statSync(path).mode & 0o777).toBe(0o644)
  expect(readdirSync(folder)).toEqual(['x.usrec'])
})

test('who holds the old file open, or owns it, does not see the new one', async () => {
  writeFileSync(path, '', { mode: 0o666 })
  const held = openSync(path, 'r')
  try {
    const writer = await RecordingWriter.create(path, true)
    expect(readdirSync(folder).map((name) => statSync(join(folder, name)).mode & 0o777)).toContain(0o600)
    await writer.snapshot(snapshot)
    await writer.end('done', false)
    expect(fstatSync(held).size).toBe(0)
    expect(statSync(path).ino).not.toBe(fstatSync(held).ino)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  } finally {
    closeSync(held)
  }
})

test('a link is not followed, a device or folder not replaced', async () => {
  const precious = join(folder, 'precious')
  writeFileSync(precious, 'precious')
  symlinkSync(precious, path)
  const link = `${path}: a symbolic link, which is not followed; name the file itself`
  await expect(RecordingWriter.create(path, true)).rejects.toThrow(new RecordingError(link))
  await expect(RecordingWriter.create(path, false)).rejects.toThrow(/the file exists already/)
  symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling'))
  await expect(RecordingWriter.create(join(folder, 'dangling'), false)).rejects.toThrow(/the file exists already/)
  expect(readFileSync(precious, 'utf8')).toBe('precious')
  expect(existsSync(join(folder, 'nowhere'))).toBe(false)

  mkdirSync(join(folder, 'folder'))
  const { mode } = statSync('/dev/null')
  for (const other of ['/dev/null', join(folder, 'folder')])
    await expect(RecordingWriter.create(other, true)).rejects.toThrow(
      new RecordingError(`${other}: not a regular file`),
    )
  expect(statSync('/dev/null').mode).toBe(mode)
})

test('where there is no file, --force changes nothing', async () => {
  const writer = await RecordingWriter.create(path, true)
  await writer.snapshot(snapshot)
  await writer.end('done', false)
  expect(await kindsOf(path)).toEqual(['snapshot', 'end'])
})
