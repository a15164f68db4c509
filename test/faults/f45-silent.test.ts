import { connect, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { seedOf, tell } from './rounds.js'
import { onWire } from './wire.js'

// F45: a thousand connections that say nothing, or begin a header and never end it, to the whole agent. (Their bounds: test/unit/receivers/otlp/limits.)

async function hold(port: number, greeting: string): Promise<Socket[]> {
  const sockets: Socket[] = []
  for (let n = 0; n < 1000; n++) {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    sockets.push(socket)
    if (greeting !== '') socket.write(greeting)
    await new Promise<void>((resolve) => {
      socket.once('connect', resolve).once('close', () => resolve())
    })
  }
  return sockets
}

const places = {
  'the receiver': { greeting: '', portOf: ({ port }: { readonly port: number }) => port },
  'the page for Prometheus': {
    greeting: 'GET /metrics HTTP/1.1\r\nHost: ',
    portOf: ({ pagePort }: { readonly pagePort: number }) => pagePort,
  },
}

for (const [name, { greeting, portOf }] of Object.entries(places))
  test(`F45 a thousand silent connections to ${name}: it is answered what it does, and goes on`, async () => {
    await onWire({ self: true }, seedOf(45), async (wire) => {
      const sockets = await hold(portOf(wire), greeting)
      // Now: they are ended after 15 s, and on a busy machine what follows takes as long.
      const open = sockets.filter(({ readyState }) => readyState === 'open').length
      try {
        const timed = async (what: () => Promise<unknown>): Promise<number> => {
          const took: number[] = []
          for (let n = 0; n < 5; n++) {
            const startMs = performance.now()
            await what()
            took.push(performance.now() - startMs)
          }
          return Math.round(Math.min(...took))
        }
        const statusMs = await timed(async () => expect((await wire.status()).healthy).toBe(true))
        const pageMs = await timed(async () => expect(await wire.metric('process_uptime_seconds')).toBeGreaterThan(0))
        tell(
          `F45, ${open} connections held to ${name}: status in ${statusMs} ms, page in ${pageMs} ms, the best of five`,
        )
        // At least as many as the place has for such: 256 of the page, all of the receiver's 1024.
        expect(open).toBeGreaterThanOrEqual(200)
        await wire.send(10)
        await wire.delivered()
      } finally {
        for (const socket of sockets) socket.destroy()
      }
      expect(await wire.account()).toEqual({})
    })
  })
