import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { PointsUnderWay } from '../../../../src/lib/delivery/points-under-way.js'

interface Answer {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

function answer(): Answer {
  let [resolve, reject]: [() => void, (error: Error) => void] = [() => {}, () => {}]
  const promise = new Promise<void>((onOk, onError) => {
    resolve = onOk
    reject = onError
  })
  return { promise, resolve, reject }
}

/** Whether it is settled once all that can go on has gone on. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false
  void promise.then(() => {
    done = true
  })
  await nextTurn()
  return done
}

test('who makes points waits beyond 8192 of them, until enough are answered', async () => {
  const underWay = new PointsUnderWay()
  const [first, second, third] = [answer(), answer(), answer()]
  expect(await settled(underWay.add(8192, first.promise))).toBe(true)
  const wait = underWay.add(8000, second.promise)
  expect(await settled(wait)).toBe(false)
  const longer = underWay.add(200, third.promise)
  first.resolve()
  expect(await settled(wait)).toBe(false) // 8200 are left
  third.resolve()
  expect(await settled(Promise.all([wait, longer]))).toBe(true)
  expect(underWay.points).toBe(8000)
  const end = underWay.end()
  expect(await settled(end)).toBe(false)
  second.resolve()
  await end
  expect(underWay.points).toBe(0)
})

test('a failure gives its points back, is told by who asks, and thrown when all is answered', async () => {
  const underWay = new PointsUnderWay()
  const [first, second] = [answer(), answer()]
  await underWay.add(1, first.promise)
  const wait = underWay.add(8192, second.promise)
  expect(underWay.failed).toBe(false)
  first.reject(new Error('the first'))
  await wait
  expect([underWay.failed, underWay.points]).toEqual([true, 8192])
  const end = underWay.end()
  second.reject(new Error('the second'))
  await expect(end).rejects.toThrow('the first')
})
