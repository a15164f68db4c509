import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { atOnce, inTurns, type Pausable } from '../../../src/util/pausable.js'

/** Array.from(items).flatMap(convert), with a pause after each. */
function* flatMapped<T, U>(items: Iterable<T>, convert: (item: T) => readonly U[]): Pausable<U[]> {
  const out: U[] = []
  for (const item of items) {
    out.push(...convert(item))
    yield
  }
  return out
}

/** Squares of 0 to `count` - 1, each of which takes `usEach` of the fake clock. */
function squares(count: number, usEach: number) {
  const clock = { nowMs: 0 }
  const work = (): Pausable<number[]> =>
    flatMapped(Array(count).keys(), (n) => {
      clock.nowMs += usEach / 1000
      return [n * n]
    })
  return { clock, work }
}

test('long work leaves the event loop to others after 8 ms, and comes to the same as at once', async () => {
  const { clock, work } = squares(100_000, 5)
  const turns: number[] = []
  let done = false
  const result = inTurns(work(), () => clock.nowMs).finally(() => {
    done = true
  })
  for (let before = 0; !done; before = clock.nowMs) {
    turns.push(clock.nowMs - before)
    await nextTurn()
  }
  expect(await result).toEqual(atOnce(work()))
  expect(Math.max(...turns)).toBeLessThan(10)
  expect(turns.length).toBeGreaterThan(50)
})

test('an error in the middle of it rejects', async () => {
  const broken = flatMapped([1, 2, 3], (n) => {
    if (n === 2) throw new Error('two')
    return [n]
  })
  await expect(inTurns(broken, () => 0)).rejects.toThrow('two')
})
