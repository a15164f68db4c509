import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { otlpJsonLines } from '../../../../src/lib/otlp/json.js'
import { kFrameHeadBytes, kHeaderBytes } from '../../../../src/lib/recording/format.js'
import { schema } from '../../../../src/receivers/replay/config.js'
import { createReplayReceiver } from '../../../../src/receivers/replay/replay-receiver.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { TestHost, testSettings } from '../../../../src/testkit/test-settings.js'
import { expectLedger, type Played, playRecording } from '../../../support/play-recording.js'
import { file, frame, frameType, joined, type RawFrame, shortRecording } from '../../lib/recording/support.js'

const folder = mkdtempSync(join(tmpdir(), 'unitscope-replay-'))
const path = join(folder, 'test.usrec')
afterAll(() => rmSync(folder, { recursive: true }))

/** Enough for starts, stops, failures and restarts. */
const frames = shortRecording(200)
const whole = joined(frames)
let expected: readonly unknown[]

/** Each about 3 ms. */
const kRuns = 200

async function play(bytes: Buffer): Promise<Played> {
  writeFileSync(path, bytes)
  const played = await playRecording(path)
  expectLedger(played)
  expect([...played.telemetry.drops]).toEqual([])
  return played
}

beforeAll(async () => {
  expected = (await play(whole)).events
  expect(expected.length).toBeGreaterThan(30)
})

test('without its end, what there is is played, and the status says what is missing', async () => {
  const played = await play(joined(frames.slice(0, -1)))
  expect(played.events).toEqual(expected)
  expect(played.host.last).toEqual({
    state: 'degraded',
    reason: `${path}: it has no end, the recorder was stopped hard or the copy is not whole (byte ${
      joined(frames.slice(0, -1)).length
    }); what there is was played`,
  })
  expect([...played.telemetry.errors]).toEqual([['recording_truncated', 1]])
})

test('of a recorder that was too slow it is said that the rest is missing', async () => {
  const end = frame(frameType.end, JSON.stringify({ reason: 'the disk is too slow', truncated: true }))
  const played = await play(Buffer.concat([joined(frames.slice(0, -1)), end]))
  expect(played.events).toEqual(expected)
  expect(played.host.last).toMatchObject({
    state: 'degraded',
    reason: `${path}: the recorder was too slow and gave up (the disk is too slow); what there is was played`,
  })
})

test('a damaged frame ends it: what lies before was played, the status names file and byte, the agent goes on', async () => {
  const bytes = Buffer.from(whole)
  const at = joined(frames.slice(0, 40)).length
  bytes[at + 30]! ^= 0x40
  const played = await play(bytes)
  expect(played.events).toEqual(expected.slice(0, played.events.length))
  const reason = `${path}: the recording is damaged at byte ${at}: the checksum is wrong`
  expect(played.host.last).toEqual({ state: 'failed', reason })
  expect([...played.telemetry.errors]).toEqual([['recording_damaged', 1]])
})

test('whole frames that hold something else than D-Bus are told as that', async () => {
  const garbage = Buffer.concat([Buffer.alloc(16), Buffer.from('HTTP/1.1 200 OK\r\n\r\n')])
  const end = frames.at(-1)!
  const played = await play(joined([frames[0]!, { type: frameType.chunk, payload: garbage }, end]))
  expect(played.host.last).toEqual({
    state: 'failed',
    reason: expect.stringMatching(/test\.usrec: what was recorded is no D-Bus: \S/),
  })
  expect(played.telemetry.errors.get('recording_damaged')).toBe(1)
})

test('a file that is no recording stops the agent from starting, with the reason', async () => {
  expect((await play(Buffer.from('not one'))).said).toBe(
    `file ${path}: this is not a recording made by \`unitscope record\``,
  )
  expect((await play(file(frame(9, '')))).said).toBe(
    `${path}: the recording is damaged at byte 16: unknown frame type 9`,
  )
})

test('a start that fails leaves nothing open: no file without a parser, no parser without a file', async () => {
  writeFileSync(path, whole)
  const config = createTestConfig(schema, { file: path })
  const broken = { createSignalParser: () => throws('no memory for a parser') }
  const receiver = createReplayReceiver(testSettings('receiver', 'replay'), config, new MemoryExporter(), broken)
  await expect(receiver.start(new TestHost())).rejects.toThrow('no memory for a parser')
  expect(openFiles()).not.toContain(path)
  await receiver.shutdown()

  let closed = 0
  const parser = { feed: () => [], stats: () => throws('not asked'), close: () => void closed++ }
  const gone = createTestConfig(schema, { file: `${path}.gone` })
  const native = { createSignalParser: () => parser }
  const second = createReplayReceiver(testSettings('receiver', 'replay'), gone, new MemoryExporter(), native)
  await expect(second.start(new TestHost())).rejects.toThrow(`file ${path}.gone does not exist`)
  expect(closed).toBe(1)
  await second.shutdown()
})

function throws(reason: string): never {
  throw new Error(reason)
}

/** Paths of the files this process has open. */
function openFiles(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return [] // the descriptor of this very listing
    }
  })
}

// How a file may be damaged on its way; positions are parts of the whole, so that small and large ones are hit alike. Of the doubles
// from 0 to 1, 92 in 100 are less than a byte of it.
const position = fc.nat(2 ** 30).map((n) => n / 2 ** 30)
const mutation = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: position, bit: fc.integer({ min: 0, max: 7 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: position }),
  fc.record({
    kind: fc.constant('insert' as const),
    at: position,
    bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
  }),
  fc.record({ kind: fc.constant('delete' as const), at: position, size: fc.integer({ min: 1, max: 5000 }) }),
  fc.record({
    kind: fc.constant('fill' as const),
    at: position,
    size: fc.integer({ min: 1, max: 64 }),
    byte: fc.nat(255),
  }),
  fc.record({ kind: fc.constant('repeat' as const), at: position, size: fc.integer({ min: 1, max: 5000 }) }),
)
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never

function mutate(bytes: Buffer, change: Mutation, from = 0): Buffer {
  const at = Math.max(Math.min(from + Math.floor(change.at * (bytes.length - from)), bytes.length - 1), 0)
  const copy = Buffer.from(bytes)
  switch (change.kind) {
    case 'flip':
      copy[at]! ^= 1 << change.bit
      return copy
    case 'cut':
      return copy.subarray(0, at)
    case 'insert':
      return Buffer.concat([copy.subarray(0, at), change.bytes, copy.subarray(at)])
    case 'delete':
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at + change.size)])
    case 'fill':
      return copy.fill(change.byte, at, Math.min(at + change.size, copy.length))
    case 'repeat':
      return Buffer.concat([copy.subarray(0, at + change.size), copy.subarray(at)])
  }
}

/** Every way it may end but a whole play is counted once, and says which file. */
function expectRejection(played: Played): void {
  expect(played.said).not.toBe('the recording was played to its end')
  if (played.host.last === undefined) expect(played.said).toContain(path)
  else {
    const { errors } = played.telemetry
    expect((errors.get('recording_damaged') ?? 0) + (errors.get('recording_truncated') ?? 0)).toBe(1)
    expect(played.host.last).toMatchObject({ reason: expect.stringContaining(path) })
  }
}

test.each(['plain', 'packed'])(
  'property: whatever happens to the %s file, it is noticed, and no false event comes out',
  async (form) => {
    const original = form === 'plain' ? whole : gzipSync(whole)
    // Words that no reader looks at: `reserved` of our header; of gzip's time, flags for the packer and operating system.
    const ignored = form === 'plain' ? [12, 16] : [4, 10]
    await fc.assert(
      fc.asyncProperty(mutation, async (change) => {
        const bytes = mutate(original, change)
        fc.pre(!same(bytes, original, ignored) && !isMadeOfWholeFrames(bytes))
        const played = await play(bytes)
        expect(played.events).toEqual(expected.slice(0, played.events.length))
        // What follows a gzip member, and is none, is not of this file: gzip(1) ignores it, too.
        if (played.said !== 'the recording was played to its end' || form === 'plain') expectRejection(played)
        else expect(played.events).toEqual(expected)
      }),
      { numRuns: kRuns },
    )
  },
)

test('property: a file that is damaged with care, every checksum right, breaks nothing', async () => {
  const broken = fc.record({ index: fc.nat(frames.length - 1), change: mutation, times: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(fc.array(broken, { minLength: 1, maxLength: 3 }), async (changes) => {
      const altered: RawFrame[] = [...frames]
      for (const { index, change, times } of changes) {
        const { type, payload } = altered[index]!
        // Mostly what is recorded, sometimes the times before it.
        altered[index] = { type, payload: mutate(payload, change, times || type !== frameType.chunk ? 0 : 16) }
      }
      const played = await play(joined(altered))
      if (played.said !== 'the recording was played to its end') expectRejection(played)
      // Whatever came out can be exported.
      for (const batch of played.exporter.batches) otlpJsonLines(batch, { name: 'test', version: '1' })
    }),
    { numRuns: kRuns },
  )
})

const wholeFrames: ReadonlySet<string> = new Set(
  frames.map(({ type, payload }) => frame(type, payload).toString('hex')),
)

/** Frames that are gone as a whole, or there twice, are nothing that a reader could see: they have no numbers. */
function isMadeOfWholeFrames(bytes: Buffer): boolean {
  if (!bytes.subarray(0, kHeaderBytes).equals(whole.subarray(0, kHeaderBytes))) return false
  for (let at = kHeaderBytes; at < bytes.length; ) {
    const end = at + kFrameHeadBytes + (at + 8 <= bytes.length ? bytes.readUInt32LE(at + 4) : 0)
    if (!wholeFrames.has(bytes.subarray(at, end).toString('hex'))) return false
    at = end
  }
  return true
}

/** Equal but for the bytes from `begin` to `end`. */
function same(a: Buffer, b: Buffer, [begin, end]: readonly number[]): boolean {
  const rest = (bytes: Buffer): Buffer => Buffer.concat([bytes.subarray(0, begin), bytes.subarray(end)])
  return a.length === b.length && rest(a).equals(rest(b))
}
