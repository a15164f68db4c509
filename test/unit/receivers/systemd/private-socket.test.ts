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
