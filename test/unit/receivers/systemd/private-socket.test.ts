import { expect, test } from 'vitest'
import { quiet, start } from './start.js'

const onRequest = { ...quiet, private_socket: true }

test.each(['Hello', 'Ping'] as const)('the end does not wait for a bus that is silent from %s on', async (from) => {
  const { source, clock, states, receiver } = await start(onRequest, (it) => {
    it.bus = false
  })
  expect(states().at(-1)).toBe("systemd's own socket stands in for the bus: no bus")
  let speak!: () => void
  source.silence = {
    from,
    over: new Promise((resolve) => {
      speak = resolve
    }),
  }
  await clock.advance(2000)
  let over = false
  const ended = receiver.shutdown().then(() => {
    over = true
  })
  await clock.advance(0) // no time passes
  expect(over).toBe(true)
  speak() // too late: nobody is there to hear it, and the connection is not left behind
  await ended
  await clock.advance(0)
  expect(source.open).toBe(0)
  expect(clock.pending).toBe(0)
})

test('a bus that answers but lets nobody listen is tried less and less often: each return costs a reading', async () => {
  const { source, clock, states, receiver } = await start(onRequest, (it) => {
    it.bus = false
  })
  const readings = (): number => source.asked.filter((member) => member === 'ListUnits').length
  const atSeconds: number[] = []
  for (let second = 1; second <= 120; second++) {
    const before = readings()
    await clock.advance(1000)
    if (readings() > before) atSeconds.push(second)
  }
  expect(atSeconds).toEqual([2, 6, 14, 30, 60, 90, 120])
  source.bus = true
  await clock.advance(30_000)
  expect(states().at(-1)).toBe('ok')

  // It was of use, so it is missed as at first.
  source.lose('the bus closed the connection')
  await clock.advance(1999)
  expect(states().at(-1)).toMatch(/^systemd's own socket stands in for the bus: /)
  await clock.advance(1)
  expect(states().at(-1)).toBe('ok')
  await receiver.shutdown()
})
