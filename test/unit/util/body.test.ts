import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { Body } from '../../../src/util/body.js'
import { ByteBudget } from '../../../src/util/byte-budget.js'

const kMiB = 2 ** 20
/** 20 MiB of zeros in 20 KiB: inflated by the pool, as all that are not small. */
const bomb = gzipSync(Buffer.alloc(20 * kMiB))
const text = Buffer.from('what was sent '.repeat(50_000))

function arrived(bytes: Buffer, budget: ByteBudget, maxBytes = 20 * kMiB): Body {
  const body = new Body(maxBytes, budget)
  for (let at = 0; at < bytes.length; at += 16_384) expect(body.push(bytes.subarray(at, at + 16_384))).toBe(undefined)
  return body
}

test('sixty compressed requests at once hold, while they are inflated, what all requests may hold together', async () => {
  const budget = new ByteBudget(64 * kMiB)
  const bodies = Array.from({ length: 60 }, () => arrived(bomb, budget))
  const before = process.memoryUsage().arrayBuffers
  let most = 0
  const watching = setInterval(() => {
    most = Math.max(most, process.memoryUsage().arrayBuffers - before)
  }, 1)
  const answers = await Promise.all(
    bodies.map(async (body) => {
      const inflated = await body.inflated(body.whole())
      body.release()
      return typeof inflated === 'string' ? inflated : inflated.length
    }),
  ).finally(() => clearInterval(watching))
  // More than 64 MiB: pieces are there beside what they were joined to until the garbage is collected. It was 1200 MiB once.
  expect(most).toBeLessThan(400 * kMiB)
  expect(new Set(answers)).toEqual(new Set(['no_room', 20 * kMiB]))
  expect(budget.held).toBe(0)
})

describe('a compressed body', () => {
  const compressed = gzipSync(text)
  const noise = Buffer.from(Array.from({ length: 40_000 }, (_, at) => (at * 2_654_435_761) >>> 24))
  const cases: readonly [string, Buffer, number, unknown][] = [
    ['small', compressed, kMiB, text.length],
    ['in two members', Buffer.concat([gzipSync(noise), compressed]), kMiB, noise.length + text.length],
    ['of just as much as is allowed', gzipSync(noise), noise.length, noise.length],
    ['of one byte more', gzipSync(noise), noise.length - 1, 'too_large'],
    ['that is cut off', gzipSync(noise).subarray(0, -9), kMiB, 'not_gzip'],
    ['that is none', noise, kMiB, 'not_gzip'],
  ]
  for (const [name, bytes, maxBytes, result] of cases)
    test(`${name} comes to ${result}, and nothing stays held`, async () => {
      const budget = new ByteBudget(4 * kMiB)
      const body = arrived(bytes, budget, Math.max(maxBytes, bytes.length))
      const limited = new Body(maxBytes, budget)
      const inflated = await limited.inflated(body.whole())
      expect(typeof inflated === 'string' ? inflated : inflated.length).toBe(result)
      body.release()
      limited.release()
      expect(budget.held).toBe(0)
    })
})
