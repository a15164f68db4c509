import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { playRecording } from '../../../support/play-recording.js'
import { frameType, joined, type RawFrame, shortRecording } from '../../lib/recording/support.js'

const folder = mkdtempSync(join(tmpdir(), 'unitscope-replay-step-'))
afterAll(() => rmSync(folder, { recursive: true }))

const kHourNs = 3_600_000_000_000n
const kChunks = 200

/** How often metrics came when the wall clock was set by `stepNs` in the middle of what was recorded, one chunk each 10 s. */
async function collections(stepNs: bigint): Promise<number> {
  const frames = shortRecording(kChunks)
  const startNs = frames[1]!.payload.readBigUInt64LE(0)
  const chunks = frames.filter(({ type }) => type === frameType.chunk)
  const retimed = chunks.map(({ type, payload }, i): RawFrame => {
    const copy = Buffer.from(payload)
    const sinceNs = BigInt(i) * 10_000_000_000n
    copy.writeBigUInt64LE(startNs + sinceNs + (i > kChunks / 2 ? stepNs : 0n), 0)
    copy.writeBigUInt64LE(5_000_000_000n + sinceNs, 8)
    return { type, payload: copy }
  })
  const path = join(folder, 'step.usrec')
  writeFileSync(path, joined([frames[0]!, ...retimed, frames.at(-1)!]))
  const played = await playRecording(path, { collection_interval: '20s' })
  expect(played.said).toBe('the recording was played to its end')
  return played.exporter.batches.filter(({ metrics }) => metrics.length > 0).length
}

test.each([
  ['was left alone', 0n],
  ['was set back by an hour', -kHourNs],
  ['was set on by an hour', kHourNs],
])('metrics come every 20 s of recorded time when the wall clock %s', async (_, stepNs) => {
  // At chunks 2, 4, ... 198, and once at the end.
  expect(await collections(stepNs)).toBe(kChunks / 2)
})
