import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { restoreUnits } from '../../../../src/lib/patterns/restored-units.js'
import { inTurns } from '../../../../src/util/pausable.js'

interface Saved {
  readonly key: string
  readonly isGood?: boolean
}

const units = (count: number): Saved[] => Array.from({ length: count }, (_, n) => ({ key: `${n}.service` }))

/** A detector that knows units by name; `costs` is told of each piece of work. */
function restoring(saved: unknown, max: number, costs: () => void = () => {}) {
  const taken: string[] = []
  const work = restoreUnits<Saved, string>(saved, {
    read: ({ key, isGood = true }) => {
      costs()
      if (!isGood) throw new Error('not of this form')
      return key
    },
    keyOf: (key) => key,
    take: (key) => {
      costs()
      taken.push(key)
    },
    max,
  })
  return { work, taken }
}

test('each step is one unit, read or taken, however many there are', () => {
  let pieces = 0
  const { work, taken } = restoring({ units: units(4096) }, 3000, () => {
    pieces++
  })
  let most = 0
  for (;;) {
    const before = pieces
    if (work.next().done) break
    most = Math.max(most, pieces - before)
  }
  expect(most).toBe(1)
  expect(pieces).toBe(4096 + 3000)
  expect(taken).toHaveLength(3000)
})

test('so a turn of the event loop holds no more than fits into it', async () => {
  let nowMs = 0
  const turns: number[] = []
  let inTurn = 0
  const { work } = restoring({ units: units(1000) }, 1000, () => {
    nowMs += 0.5
    inTurn++
  })
  let done = false
  const restored = inTurns(work, () => nowMs).finally(() => {
    done = true
  })
  while (!done) {
    turns.push(inTurn)
    inTurn = 0
    await nextTurn()
  }
  turns.push(inTurn)
  await restored
  // 8 ms of half a millisecond each.
  expect(Math.max(...turns)).toBeLessThanOrEqual(16)
  expect(turns.reduce((sum, one) => sum + one, 0)).toBe(2000)
})

test('of more than are allowed, those heard of last are taken', () => {
  const { work, taken } = restoring({ units: units(5) }, 2)
  for (const _ of work);
  expect(taken).toEqual(['3.service', '4.service'])
})

describe('all or nothing', () => {
  test.each<readonly [string, unknown]>([
    ['no state', null],
    ['no units', {}],
    ['units that are no list', { units: { length: 1 } }],
    ['the last one is none', { units: [...units(9), { key: 'x', isGood: false }] }],
    ['one is there twice', { units: [...units(9), ...units(1)] }],
  ])('%s', (_what, saved) => {
    const { work, taken } = restoring(saved, 100)
    expect(() => [...work]).toThrow()
    expect(taken).toEqual([])
  })
})
