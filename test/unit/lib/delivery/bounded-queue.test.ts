import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BoundedQueue, type Parcel } from '../../../../src/lib/delivery/bounded-queue.js'
import { collectGarbage } from '../../../../src/util/collect-garbage.js'

interface Letter extends Parcel {
  readonly lane: string
  readonly id: number
}

const names = ['logs', 'metrics', 'traces']

type Step =
  | { readonly kind: 'push'; readonly lane: string; readonly items: number; readonly byteLength: number }
  | { readonly kind: 'take' }
  | { readonly kind: 'takeUpTo'; readonly lane: string; readonly maxBytes: number }
  | { readonly kind: 'release' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: push() },
  fc.constant<Step>({ kind: 'take' }),
  fc.record({
    kind: fc.constant('takeUpTo' as const),
    lane: fc.constantFrom(...names),
    maxBytes: fc.integer({ min: 0, max: 300 }),
  }),
  fc.constant<Step>({ kind: 'release' }),
)

function push(): fc.Arbitrary<Step> {
  return fc.record({
    kind: fc.constant('push' as const),
    lane: fc.constantFrom(...names),
    items: fc.integer({ min: 1, max: 9 }),
    byteLength: fc.integer({ min: 1, max: 200 }),
  })
}

/** The same as a list of all that waits, looked through from its beginning each time. */
class Model {
  waiting: Letter[] = []
  taken: Letter[] = []

  take(): Letter[] {
    return this.#remove(this.waiting.slice(0, 1))
  }

  takeUpTo(lane: string, maxBytes: number): Letter[] {
    const parcels: Letter[] = []
    let bytes = 0
    for (const parcel of this.waiting.filter((one) => one.lane === lane)) {
      if (parcels.length > 0 && bytes + parcel.byteLength > maxBytes) break
      parcels.push(parcel)
      bytes += parcel.byteLength
    }
    return this.#remove(parcels)
  }

  get held(): Letter[] {
    return [...this.waiting, ...this.taken]
  }

  #remove(parcels: Letter[]): Letter[] {
    this.waiting = this.waiting.filter((parcel) => !parcels.includes(parcel))
    this.taken.push(...parcels)
    return parcels
  }
}

const sum = (parcels: readonly Letter[], of: (parcel: Letter) => number) =>
  parcels.reduce((all, one) => all + of(one), 0)

function check(steps: readonly Step[]): void {
  const model = new Model()
  const queue = new BoundedQueue<Letter>(
    { maxItems: 100, maxBytes: 1000 },
    ({ lane }) => lane,
    () => ({}),
  )
  const laneOf = (name: string) => [...queue.lanes].find((lane) => lane.name === name)
  steps.forEach((one, id) => {
    if (one.kind === 'push') {
      const parcel = { lane: one.lane, items: one.items, byteLength: one.byteLength, id }
      queue.push(parcel)
      model.waiting.push(parcel)
    } else if (one.kind === 'take') expect([queue.take()].filter((parcel) => parcel)).toEqual(model.take())
    else if (one.kind === 'takeUpTo')
      expect(laneOf(one.lane)?.takeUpTo(one.maxBytes) ?? []).toEqual(model.takeUpTo(one.lane, one.maxBytes))
    else if (model.taken.length > 0) queue.release(model.taken.shift()!)

    expect([queue.items, queue.bytes]).toEqual([sum(model.held, (p) => p.items), sum(model.held, (p) => p.byteLength)])
    expect(queue.overHalfFull).toBe(queue.items > 50 || queue.bytes > 500)
    for (const name of names) {
      const waiting = model.waiting.filter((parcel) => parcel.lane === name)
      const lane = laneOf(name)
      expect([lane?.length ?? 0, lane?.bytes ?? 0]).toEqual([waiting.length, sum(waiting, (p) => p.byteLength)])
    }
  })
}

describe('the sending queue', () => {
  it('keeps the order within a lane and over all, whatever is pushed, taken and released', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), check), { numRuns: 500 })
  })

  it('and when thousands have waited, and their places are given back', () => {
    const pushes: Step[] = Array.from({ length: 1500 }, () => ({
      kind: 'push',
      lane: 'logs',
      items: 1,
      byteLength: 1,
    }))
    const takes: Step[] = Array.from({ length: 1100 }, () => ({ kind: 'take' }))
    check([...pushes, ...takes, { kind: 'takeUpTo', lane: 'logs', maxBytes: 100 }, ...takes])
  })

  it('keeps nothing of what was taken, however long others wait behind it', async () => {
    const queue = new BoundedQueue<Letter>(
      { maxItems: 100, maxBytes: 1000 },
      ({ lane }) => lane,
      () => ({}),
    )
    for (let id = 0; id < 20; id++) queue.push({ lane: 'logs', items: 1, byteLength: 1, id })
    const taken = Array.from({ length: 10 }, () => new WeakRef(queue.take()!))
    await new Promise((resolve) => setImmediate(resolve)) // what was just referred to lives to the end of its turn
    collectGarbage()
    expect(taken.filter((one) => one.deref() !== undefined)).toEqual([])
    expect([...queue.lanes].map(({ length }) => length)).toEqual([10])
  })
})

it('keeps no lane of each tenant there ever was', () => {
  const queue = new BoundedQueue<Letter>(
    { maxItems: 1000, maxBytes: 1000 },
    ({ lane }) => lane,
    () => ({}),
  )
  const held: Letter[] = []
  for (let id = 0; id < 5000; id++) {
    const letter = { lane: `tenant ${id}`, id, items: 1, byteLength: 1 }
    queue.push(letter)
    held.push(letter)
    if (held.length > 5) {
      expect(queue.take()).toBe(held.shift())
      queue.release(letter)
    }
  }
  expect([...queue.lanes].length).toBeLessThanOrEqual(64)
  for (const letter of held) expect(queue.take()).toBe(letter)
})
