import { expect, test } from 'vitest'
import { Pages } from '../../../../src/lib/otlp/pages.js'

const kPage = 64 * 1024
const some = (length: number, seed = 1) => Uint8Array.from({ length }, (_, at) => (at * 7 + seed) % 256)

test.each([
  0,
  1,
  48 * 1024 - 1,
  48 * 1024,
  kPage - 1,
  kPage,
  kPage + 1,
  3 * kPage,
  3 * kPage + 20_000,
  3 * kPage + 50_000,
])('what was given back takes %i other bytes, and they are the same in all chunks together', (length) => {
  const pages = new Pages()
  for (let seed = 1; seed < 4; seed++) {
    const chunks = pages.copy(some(length, seed))
    expect(Buffer.concat(chunks).equals(some(length, seed))).toBe(true)
    pages.giveBack(chunks)
  }
})

test('what is still to be read is not written over; what was given back is used again', () => {
  const pages = new Pages()
  const waits = pages.copy(some(2 * kPage, 1))
  const delivered = pages.copy(some(2 * kPage, 2))
  pages.giveBack(delivered)
  const next = pages.copy(some(kPage, 3))
  expect(Buffer.concat(waits).equals(some(2 * kPage, 1))).toBe(true)
  expect(delivered.map(({ buffer }) => buffer)).toContain(next[0]!.buffer)
})

test('after an outage two mebibytes of it are kept, no more', () => {
  const pages = new Pages()
  const backlog = Array.from({ length: 40 }, () => pages.copy(some(kPage)))
  for (const chunks of backlog) pages.giveBack(chunks)
  const known = new Set(backlog.flat().map(({ buffer }) => buffer))
  const again = Array.from({ length: 40 }, () => pages.copy(some(kPage))[0]!.buffer)
  expect(again.filter((buffer) => known.has(buffer))).toHaveLength(32)
})

test('memory that is no page of theirs is not taken, nor is a page twice', () => {
  const pages = new Pages()
  // What was read from a disk, in which two requests lie.
  const read = Buffer.alloc(kPage, 1)
  pages.giveBack([read.subarray(32, 30_000)])
  pages.copy(some(kPage))
  expect(read.every((byte) => byte === 1)).toBe(true)
  const delivered = pages.copy(some(kPage))
  pages.giveBack(delivered)
  pages.giveBack(delivered)
  const [first, second] = [pages.copy(some(kPage, 1)), pages.copy(some(kPage, 2))]
  expect(first[0]!.buffer).not.toBe(second[0]!.buffer)
})

test('small requests have memory of their own, which does not come back', () => {
  const pages = new Pages()
  const [small] = pages.copy(some(100))
  expect(small!.buffer.byteLength).toBe(100)
  pages.giveBack([small!])
  expect(pages.copy(some(kPage))[0]!.buffer).not.toBe(small!.buffer)
})
