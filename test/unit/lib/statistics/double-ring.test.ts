import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DoubleRing } from '../../../../src/lib/statistics/double-ring.js'

test('holds the newest, oldest first', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.oneof(fc.double(), fc.constant('clear')), { maxLength: 70 }),
      (capacity, steps) => {
        const ring = new DoubleRing(capacity)
        let model: number[] = []
        const target = new Float64Array(capacity)
        for (const step of steps) {
          if (typeof step === 'string') {
            ring.clear()
            model = []
          } else {
            model.push(step)
            expect(ring.push(step)).toBe(model.length > capacity ? model.shift() : undefined)
          }
          expect(ring.length).toBe(model.length)
          expect([...ring.copyInto(target)]).toEqual(model)
          for (let i = -capacity - 1; i <= capacity; i++) expect(ring.at(i)).toBe(model.at(i))
        }
      },
    ),
  )
})
