import { describe, expect, test } from 'vitest'
import { DeliveryHealth } from '../../../../src/lib/delivery/health.js'
import type { SendResult } from '../../../../src/lib/delivery/sender.js'
import { delivered, down, parcel, setUp } from './rig.js'

describe('the status', () => {
  const expired: SendResult = { kind: 'permanent', reason: 'UNAUTHENTICATED: token expired', anyRequest: true }
  const refused: SendResult = { kind: 'permanent', reason: 'INVALID_ARGUMENT: bad point' }
  const told = 'UNAUTHENTICATED: token expired; data is dropped'
  type Story = readonly (readonly [lane: string, answer: SendResult])[]
  const away = 'UNAVAILABLE: down'
  const stories: readonly [string, Story, readonly (string | undefined)[], number][] = [
    ['an expired token is told once, until something is delivered', times(20, 'a', expired), [told], 0],
    ['a new token heals it', [...times(3, 'a', expired), ['a', delivered]], [told, undefined], 0],
    ['one refused request among others is told in the log alone', mixed('a', refused, delivered), [], 1],
    [
      'a server that refuses all there is, whatever the status',
      times(10, 'a', refused),
      ['INVALID_ARGUMENT: bad point; data is dropped'],
      1,
    ],
    ['a server that takes one signal of two is in trouble throughout', mixed('b', expired, delivered, 'a'), [told], 0],
    [
      'words that differ with each request are one trouble',
      Array.from({ length: 9 }, (_, n) => ['a', { ...expired, reason: `UNAUTHENTICATED: request ${n}` }] as const),
      ['UNAUTHENTICATED: request 0; data is dropped'],
      0,
    ],
    [
      'a server that was away is there when it refuses',
      [
        ['a', down],
        ['a', refused],
      ],
      [away, undefined],
      1,
    ],
    [
      'a server that goes away and comes back with an expired token',
      [
        ['a', down],
        ['a', expired],
        ['a', down],
        ['a', delivered],
      ],
      [away, told, undefined],
      0,
    ],
  ]
  for (const [name, story, health, errors] of stories)
    test(name, async () => {
      const answers = [...story]
      const rig = setUp(() => answers.shift()![1], { queue: { concurrency: 1 }, retry: { maxElapsedMs: 0 } })
      void rig.delivery.start()
      while (answers.length > 0) {
        rig.delivery.offer([{ ...parcel(), lane: answers[0]![0] }])
        await rig.clock.advance(5000) // past the first back-off, and all of it within the minute of a complaint
      }
      expect(rig.health).toEqual(health)
      // Nothing stands in the log that the status says already.
      expect(rig.lines.filter((line) => line.startsWith('error'))).toHaveLength(errors)
      expect(rig.lines.filter((line) => !line.startsWith('error'))).toEqual([])
    })

  function times(count: number, lane: string, answer: SendResult): Story {
    return Array.from({ length: count }, () => [lane, answer] as const)
  }
  function mixed(lane: string, one: SendResult, other: SendResult, otherLane = lane): Story {
    return Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? [lane, one] : [otherLane, other]) as Story[number])
  }
})

test('of tenants without end that are refused, only the last ones are remembered', () => {
  const health = new DeliveryHealth(() => {})
  const refuse = (lane: string): boolean => health.refused(lane, 'INVALID_ARGUMENT: no', false)
  expect([refuse('first'), refuse('first')]).toEqual([false, false])
  for (let n = 0; n < 300; n++) refuse(`tenant ${n}`)
  expect([refuse('first'), refuse('first'), refuse('first')]).toEqual([false, false, true])
})
