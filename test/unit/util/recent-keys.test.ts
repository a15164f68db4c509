import { expect, test } from 'vitest'
import { RecentKeys } from '../../../src/util/recent-keys.js'

test('the last so many keys are known, and no others, however often they come', () => {
  const keys = new RecentKeys(3)
  const news = ['a', 'b', 'a', 'c', 'd', 'a', 'c', 'e', 'd', 'b', 'f', 'f'].map((key) => keys.add(key))
  // `a` is forgotten with `d`, `b` when `a` comes again, `c` with `e`.
  expect(news).toEqual([true, true, false, true, true, true, false, true, false, true, true, false])
  expect(['a', 'b', 'c', 'd', 'e', 'f'].filter((key) => keys.has(key))).toEqual(['b', 'e', 'f'])
})

test('it knows what a plain list of the last so many would know', () => {
  const max = 200
  const keys = new RecentKeys(max)
  const list: string[] = []
  const wrong: string[] = []
  let seed = 1
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return (seed >>> 8) % below
  }
  for (let step = 0; step < 50_000; step++) {
    const key = `unit-${random(400)}.service systemd.unit.failed`
    const isKnown = list.includes(key)
    if (keys.has(key) !== isKnown || keys.add(key) === isKnown) wrong.push(`${key} at step ${step}`)
    if (!isKnown) list.push(key)
    if (list.length > max) list.shift()
  }
  expect(wrong).toEqual([])
})

test('of many that are nearly the same none is taken for another', () => {
  const keys = new RecentKeys(8192)
  const known: number[] = []
  for (let n = 0; n < 200_000; n++) if (!keys.add(`a-${n % 7}.service systemd.unit.failed ${n}`)) known.push(n)
  expect(known).toEqual([])
})
