import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import type { Snapshot } from '../../../../src/data/unit-snapshot.js'
import { type Frame, kMaxFrameBytes, RecordingError } from '../../../../src/lib/recording/format.js'
import { RecordingReader } from '../../../../src/lib/recording/reader.js'
import { RecordingWriter } from '../../../../src/lib/recording/writer.js'
import { unloadedState } from '../../../../src/lib/systemd/unit-phase.js'
import { file, frame, frameType } from './support.js'

const folder = mkdtempSync(join(tmpdir(), 'unitscope-recording-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Writes the bytes as a file and reads its frames to the end. */
async function read(bytes: Buffer, name = 'test.usrec') {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return readPath(path)
}

async function readPath(path: string): Promise<{ readonly frames: Frame[]; readonly truncatedAt: number | undefined }> {
  const reader = await RecordingReader.open(path)
  const frames: Frame[] = []
  try {
    for (let one = await reader.next(); one !== undefined; one = await reader.next()) frames.push(one)
    return { frames, truncatedAt: reader.truncatedAt }
  } finally {
    await reader.close()
  }
}

const unit = {
  name: 'a.service',
  state: unloadedState,
  facts: {
    serviceType: 'simple',
    slice: 'system.slice',
    unitFileState: 'enabled',
    remainAfterExit: false,
    restart: {
      when: 'always',
      delayUsec: 2 ** 64,
      prevent: { codes: [3], signals: [] },
      force: { codes: [], signals: [9] },
    },
  },
  dependencies: { BindsTo: ['b.mount'], RequiredBy: ['c.service'] },
}
const withPolicy = (change: object) => ({
  ...unit,
  facts: { ...unit.facts, restart: { ...unit.facts.restart, ...change } },
})
const snapshotJson = (units: unknown, realtimeNs: unknown = '1700000000000000000'): string =>
  JSON.stringify({ realtimeNs, units })
const snapshot = frame(frameType.snapshot, snapshotJson([unit]))
const chunk = frame(frameType.chunk, Buffer.concat([Buffer.alloc(16, 1), Buffer.from('bytes')]))
const end = frame(frameType.end, '{"reason":"stopped","truncated":false}')
const whole = file(snapshot, chunk, end)

describe('what the writer writes', () => {
  test.each(['plain', 'packed'])('comes back as it was: %s', async (form) => {
    const path = join(folder, `${form}.usrec`)
    const writer = await RecordingWriter.create(path, true)
    const written: Snapshot = { realtimeNs: 1_700_000_000_123_456_789n, units: [unit] }
    const long = { realtimeNs: 2n ** 63n, boottimeNs: 5n, bytes: Buffer.alloc(300_000, 'long') }
    await writer.snapshot(written)
    await writer.chunk({ realtimeNs: 1n, boottimeNs: 2n, bytes: Buffer.from('short') })
    await writer.chunk(long)
    await writer.end('done', true)
    if (form === 'packed') execFileSync('gzip', [path])
    const { frames, truncatedAt } = await readPath(form === 'packed' ? `${path}.gz` : path)
    expect(frames).toEqual([
      { kind: 'snapshot', snapshot: written },
      { kind: 'chunk', chunk: { realtimeNs: 1n, boottimeNs: 2n, bytes: Buffer.from('short') } },
      { kind: 'chunk', chunk: long },
      { kind: 'end', end: { reason: 'done', truncated: true } },
    ])
    expect(truncatedAt).toBeUndefined()
  })

  test('is never written over what is there, unless asked to', async () => {
    const path = join(folder, 'there.usrec')
    writeFileSync(path, 'precious')
    await expect(RecordingWriter.create(path, false)).rejects.toThrow(
      `${path}: the file exists already; --force replaces it`,
    )
    await expect(RecordingWriter.create(join(folder, 'no', 'such'), false)).rejects.toThrow(/no\/such: ENOENT/)
  })

  test('a frame part without bytes does not spoil the checksum', async () => {
    const path = join(folder, 'empty-part.usrec')
    const writer = await RecordingWriter.create(path, false)
    await writer.snapshot({ realtimeNs: 1n, units: [] })
    await writer.chunk({ realtimeNs: 1n, boottimeNs: 2n, bytes: new Uint8Array(new ArrayBuffer(0)) })
    await writer.end('done', false)
    expect((await readPath(path)).frames.map(({ kind }) => kind)).toEqual(['snapshot', 'chunk', 'end'])
  })
})

describe('what is no recording is refused when it is opened, by name', () => {
  const newer = Buffer.from(whole)
  newer.writeUInt32LE(3, 8)
  const no = 'this is not a recording made by `unitscope record`'

  test.each([
    ['empty', Buffer.alloc(0), no],
    ['text', Buffer.from('Nov 21 host systemd[1]: Started.\n'.repeat(100)), no],
    ['packed text', gzipSync('Nov 21 host systemd[1]: Started.\n'), no],
    ['cut inside its header', whole.subarray(0, 15), no],
    [
      'with line ends changed by a transfer as text',
      Buffer.from(whole.toString('latin1').replace('\r\n', '\n'), 'latin1'),
      no,
    ],
    [
      'newer',
      newer,
      'the recording has format 3, this version reads 1 to 2: use the unitscope that made it, or a newer one',
    ],
  ])('%s', async (name, bytes, reason) => {
    await expect(read(bytes, name)).rejects.toThrow(new RecordingError(`${join(folder, name)}: ${reason}`))
  })

  test('no file, a folder, a pipe nobody writes to, a device', async () => {
    mkdirSync(join(folder, 'folder'))
    execFileSync('mkfifo', [join(folder, 'pipe')])
    await expect(readPath(join(folder, 'none'))).rejects.toThrow(/none does not exist$/)
    for (const path of [join(folder, 'folder'), join(folder, 'pipe'), '/dev/zero'])
      await expect(readPath(path)).rejects.toThrow(new RecordingError(`${path}: not a regular file`))
  })
})

describe('damage is told with the byte at which it begins', () => {
  const atSnapshot = 16
  const atChunk = atSnapshot + snapshot.length
  const atEnd = atChunk + chunk.length
  const huge = Buffer.from(chunk)
  huge.writeUInt32LE(kMaxFrameBytes + 1, 4)
  const flipped = Buffer.from(chunk)
  flipped[20]! ^= 1

  test.each([
    ['a frame larger than any', file(snapshot, huge), atChunk, 'a frame claims to have 67108865 bytes'],
    ['a flipped bit', file(snapshot, flipped, end), atChunk, 'the checksum is wrong'],
    ['a frame of no known type', file(snapshot, frame(9, 'x')), atChunk, 'unknown frame type 9'],
    ['a chunk without its times', file(snapshot, frame(2, 'short')), atChunk, 'the chunk is shorter than its head'],
    ['an end that is no JSON', file(snapshot, frame(3, '{')), atChunk, 'the frame holds no valid JSON'],
    ['no snapshot', file(chunk), atSnapshot, 'a chunk is out of place: a recording has one snapshot, at its beginning'],
    ['a second snapshot', file(snapshot, chunk, snapshot), atEnd, 'a snapshot is out of place'],
    ['another recording behind it', Buffer.concat([whole, whole]), whole.length, 'there is more after its end'],
  ])('%s', async (_, bytes, at, reason) => {
    await expect(read(bytes)).rejects.toThrow(
      `${join(folder, 'test.usrec')}: the recording is damaged at byte ${at}: ${reason}`,
    )
  })

  test('a packed one: bytes count as unpacked, and what gzip itself finds is told as well', async () => {
    await expect(read(gzipSync(file(snapshot, flipped)))).rejects.toThrow(`at byte ${atChunk}: the checksum is wrong`)
    const packed = gzipSync(whole)
    packed[packed.length - 8]! ^= 1 // gzip's own checksum
    await expect(read(packed)).rejects.toThrow(/test\.usrec: .*incorrect data check/)
  })

  test.each([
    ['null', 'null', 'realtimeNs is no time'],
    ['a list', '[]', 'realtimeNs is no time'],
    ['a time that is a number', snapshotJson([unit], 1.7e18), 'realtimeNs is no time'],
    ['a time beyond 64 bits', snapshotJson([unit], '9'.repeat(20)), 'realtimeNs is no time'],
    ['units that are a map', snapshotJson({ a: unit }), 'units is no list'],
    ['a unit that is null', snapshotJson([unit, null]), 'units[1].name is no unit name'],
    ['a unit without a type', snapshotJson([{ ...unit, name: 'a' }]), 'units[0].name is no unit name'],
    ['a unit named like a path', snapshotJson([{ ...unit, name: '../a.service' }]), 'units[0].name is no unit name'],
    [
      'a unit with a name too long',
      snapshotJson([{ ...unit, name: `${'a'.repeat(300)}.service` }]),
      'units[0].name is no unit name',
    ],
    ['a unit without a state', snapshotJson([{ name: 'a.service' }]), 'units[0].state.activeState is no text'],
    ['a negative PID', snapshotJson([withState({ mainPid: -1 })]), 'units[0].state.mainPid is no number'],
    [
      'a time that JSON rounds',
      snapshotJson([withState({ stateChangeUsec: 2 ** 60 })]),
      'units[0].state.stateChangeUsec is no number',
    ],
    [
      'an InvocationID in capitals',
      snapshotJson([withState({ invocationId: 'AB'.repeat(16) })]),
      'units[0].state.invocationId is no id',
    ],
    [
      'a truth that is text',
      snapshotJson([withState({ assertResult: 'no' })]),
      'units[0].state.assertResult is no boolean',
    ],
    ['facts that are none', snapshotJson([{ ...unit, facts: null }]), 'units[0].facts.serviceType is no text'],
    [
      'a dependency on something that is no unit',
      snapshotJson([{ ...unit, dependencies: { After: ['../a'] } }]),
      'units[0].dependencies.After is no list of unit names',
    ],
    [
      'dependencies without end',
      snapshotJson([{ ...unit, dependencies: { BindsTo: Array(65_537).fill('a.mount') } }]),
      'units[0].dependencies.BindsTo is no list of unit names',
    ],
    [
      'a restart policy without statuses',
      snapshotJson([{ ...unit, facts: { ...unit.facts, restart: { when: 'always', delayUsec: 1 } } }]),
      'units[0].facts.restart is no restart policy',
    ],
    [
      'exit statuses without end',
      snapshotJson([withPolicy({ prevent: { codes: Array(321).fill(1), signals: [] } })]),
      'units[0].facts.restart is no restart policy',
    ],
    [
      'a truth of the configuration that is text',
      snapshotJson([{ ...unit, facts: { ...unit.facts, remainAfterExit: 'no' } }]),
      'units[0].facts.remainAfterExit is no boolean',
    ],
  ])('a snapshot that is or has %s', async (_, json, reason) => {
    await expect(read(file(frame(frameType.snapshot, json)))).rejects.toThrow(
      `at byte 16: the snapshot is not as expected: ${reason}`,
    )
  })

  test('facts of a recording that is older than some of them come in without those', async () => {
    const old = { ...unit, facts: { serviceType: 'simple' } }
    const { frames } = await read(file(frame(frameType.snapshot, snapshotJson([old])), end))
    expect(frames[0]).toMatchObject({ kind: 'snapshot', snapshot: { units: [old] } })
  })

  test('the two lists of format 1 come in as systemd tells of them, at both ends', async () => {
    const state = unloadedState
    const facts = { serviceType: 'simple' }
    const old = [
      { name: 'a.service', state, facts: { ...facts, requires: ['b.mount', 'x.service'], bindsTo: ['b.mount'] } },
      { name: 'b.mount', state, facts: { ...facts, requires: [], bindsTo: [] } },
    ]
    const { frames } = await read(file(frame(frameType.snapshot, snapshotJson(old)), end))
    const units = [
      { name: 'a.service', state, facts, dependencies: { Requires: ['b.mount', 'x.service'], BindsTo: ['b.mount'] } },
      { name: 'b.mount', state, facts, dependencies: { RequiredBy: ['a.service'], BoundBy: ['a.service'] } },
    ]
    expect(frames[0]).toMatchObject({ kind: 'snapshot', snapshot: { units } })
  })

  test('nothing comes in that the format does not have', async () => {
    const json = snapshotJson([{ ...unit, extra: 1, state: { ...unloadedState, extra: 1 } }])
    const { frames } = await read(file(frame(frameType.snapshot, json.replace('"extra":1', '"__proto__":{"evil":1}'))))
    expect(frames[0]).toEqual({
      kind: 'snapshot',
      snapshot: { realtimeNs: 1_700_000_000_000_000_000n, units: [unit] },
    })
    expect(({} as Record<string, unknown>)['evil']).toBeUndefined()
  })
})

test('cut anywhere, all whole frames come, and the reader knows that the end is missing and where', async () => {
  const ends = [16, 16 + snapshot.length, 16 + snapshot.length + chunk.length, whole.length]
  for (let size = 16; size < whole.length; size++) {
    const { frames, truncatedAt } = await read(whole.subarray(0, size))
    expect(frames.length).toBe(ends.filter((at) => at <= size).length - 1)
    expect(truncatedAt).toBe(size)
  }
})

test('a packed one cut anywhere still gives frames from its beginning', async () => {
  const packed = gzipSync(whole)
  for (let size = 40; size < packed.length - 8; size++) {
    const { frames, truncatedAt } = await read(packed.subarray(0, size)).catch((error: Error) => {
      expect(error.message).toContain('this is not a recording') // not even the header came out
      return { frames: [], truncatedAt: 0 }
    })
    expect(frames.map(({ kind }) => kind)).toEqual(['snapshot', 'chunk', 'end'].slice(0, frames.length))
    if (frames.length < 3) expect(truncatedAt).toBeDefined()
  }
})

function withState(part: Record<string, unknown>) {
  return { ...unit, state: { ...unloadedState, ...part } }
}
