import type { Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { type Listener, listen, native, readerDefaults } from './listener.js'
import { unitChanged, unitNew } from './messages.js'
import { kOk, startPeer, welcome } from './peer.js'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function peer(serve: (socket: Socket) => void): Promise<string> {
  const server = await startPeer(serve)
  cleanups.push(() => server.close())
  return server.address
}
function reader(address: string, options: Parameters<typeof listen>[1] = {}): Listener {
  const listener = listen(address, { matchRules: [], ...options })
  cleanups.push(() => listener.reader.close())
  return listener
}

/** A connected reader, and the bus's end of its connection. */
async function connected(options: Parameters<typeof listen>[1] = {}) {
  let socket: Socket | undefined
  const address = await peer((accepted) => {
    socket = accepted
    welcome(accepted, 0)
  })
  const listener = reader(address, options)
  await listener.until('connected')
  return { listener, socket: socket! }
}

describe('a peer that is no bus', () => {
  test.each([
    ['hangs up', '', /: authentication: the bus closed the connection$/],
    ['speaks HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n', /: authentication failed: unexpected \(EXTERNAL as uid \d+\)$/],
    ['rejects us', 'REJECTED EXTERNAL\r\n', /: authentication failed: rejected \(/],
    ['sends binary', '\u0000\u0001\u0002', /: authentication failed: bad_byte \(/],
    ['never ends its line', 'x'.repeat(20_000), /: authentication failed: line_too_long \(/],
    ['sends garbage behind OK', `${kOk}garbage, and more of it`, /^bad message: header_endian at byte 0$/],
  ])('one that %s ends the session with the reason', async (_, answer, reason) => {
    const listener = reader(await peer((socket) => socket.end(answer, 'latin1')))
    expect(await listener.end()).toMatch(reason)
    expect(listener.records).toHaveLength(1)
  })

  const random = (size: number): Buffer => Buffer.from(Array.from({ length: size }, (_, i) => (i * 7919 + 13) & 255))
  test.each([
    ['garbage', Buffer.from('this is no message, whatever it is'), 'bad message: header_endian at byte 0'],
    ['bytes of all values', random(4096), 'bad message: header_endian at byte 0'],
    [
      'a message larger than the specification allows',
      Buffer.from('6c040001ffffff0f0700000000000000', 'hex'),
      'bad message: header_size at byte 4',
    ],
    ['half a message', unitNew('a.service').subarray(0, 60), 'the bus closed the connection'],
  ])('%s after the handshake ends the session with the reason, counted', async (_, bytes, reason) => {
    const { listener, socket } = await connected()
    socket.end(Buffer.concat([unitNew('before.service'), bytes]))
    expect(await listener.end()).toBe(reason)
    expect(listener.records.map(({ kind }) => kind)).toEqual(['connected', 'unit_new', 'disconnected'])
    const code = /^bad message: (\w+)/.exec(reason)?.[1]
    expect(listener.reader.stats().rejected).toEqual(code === undefined ? {} : { [code]: 1 })
  })

  test('a full batch is handed over at once, however long one may wait; what is left waits', async () => {
    const { listener, socket } = await connected({ maxBatchSize: 50, batchTimeoutMs: 60_000 })
    for (let part = 0; part < 40; part++) {
      socket.write(Buffer.concat(Array.from({ length: 50 }, () => unitNew('a.service'))))
    }
    await listener.until((records) => records.length > 1950)
    socket.end(unitChanged('a.service', 'failed')) // urgent: it takes all before it along
    await listener.until('unit_changed')
    expect(listener.records.filter(({ kind }) => kind === 'unit_new')).toHaveLength(2000)
  })

  test('messages cut at every byte arrive whole', async () => {
    const { listener, socket } = await connected()
    const bytes = Buffer.concat([unitNew('a.service'), unitChanged('b.service', 'active'), unitNew('c.service')])
    for (const byte of bytes) await new Promise((resolve) => socket.write(Buffer.of(byte), resolve))
    socket.end()
    await listener.end()
    expect(listener.records.map(({ kind }) => kind)).toEqual([
      'connected',
      'unit_new',
      'unit_changed',
      'unit_new',
      'disconnected',
    ])
  })
})

describe('while JavaScript is busy', () => {
  const kSignals = 3000
  const burst = Buffer.concat(Array.from({ length: kSignals }, (_, i) => unitNew(`unit-${i}.service`)))

  /** Lets the bytes go out, then does not return to the event loop until the reader's thread has seen them all. */
  async function sendWhileBusy(listener: Listener, socket: Socket): Promise<void> {
    // Records, not messages: these are counted before what they made is in the ring.
    const seen = (): number => listener.reader.stats().records
    const before = seen()
    const calls = listener.calls.length
    // One synchronous write fills the socket; what the kernel does not take waits for the loop, so it goes in parts.
    for (let at = 0; at < burst.length; at += 32_768) {
      const part = burst.subarray(at, at + 32_768)
      socket.write(part)
      const whole = Math.floor((Math.min(at + part.length, burst.length) * kSignals) / burst.length) - 2
      while (seen() - before < whole) {
        // Busy: no doorbell is answered here.
      }
    }
    while (seen() - before < kSignals) {
      // The last ones.
    }
    expect(listener.calls.length).toBe(calls)
  }

  test('the doorbell rings once for all that came meanwhile', async () => {
    const { listener, socket } = await connected()
    await sendWhileBusy(listener, socket)
    const calls = listener.calls.length
    await listener.until((records) => records.length === kSignals + 1)
    const parts = listener.calls.slice(calls)
    expect([...new Set(parts.slice(0, -1)), parts.at(-1)]).toEqual([64, kSignals % 64])
    const units = listener.records.flatMap((r) => (r.kind === 'unit_new' ? [r.unit] : []))
    expect(units).toEqual(Array.from({ length: kSignals }, (_, i) => `unit-${i}.service`))
  })

  test.each([
    ['drop_oldest', 'last'],
    ['drop_newest', 'first'],
  ] as const)('a ring too small with %s keeps the %s, and says how many are missing', async (overflow, kept) => {
    const { listener, socket } = await connected({ overflow, ringRecords: 100 })
    await sendWhileBusy(listener, socket)
    const isLost = (r: Listener['records'][number]): boolean => r.kind === 'lost'
    // All of it, not the first call's part: a drain that has used its time goes on in a later turn of the loop.
    await listener.until((records) => records.length === 102)
    const lost = listener.records.flatMap((r) => (r.kind === 'lost' ? [r.count] : []))
    expect(lost).toEqual([kSignals - 100])
    expect(listener.reader.stats().dropped).toBe(kSignals - 100)
    expect(listener.records.findIndex(isLost)).toBe(kept === 'last' ? 1 : 101)
    const units = listener.records.flatMap((r) => (r.kind === 'unit_new' ? [r.unit] : []))
    const first = kept === 'last' ? kSignals - 100 : 0
    expect(units).toEqual(Array.from({ length: 100 }, (_, i) => `unit-${first + i}.service`))
  })

  test('close() hands over what was queued, and nothing after it', async () => {
    const { listener, socket } = await connected()
    await sendWhileBusy(listener, socket)
    await listener.reader.close()
    expect(listener.records).toHaveLength(kSignals + 1)
    socket.write(unitNew('late.service'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(listener.records).toHaveLength(kSignals + 1)
  })
})

test('a repeat is told once, after forget() once more', async () => {
  const { listener, socket } = await connected()
  for (let i = 0; i < 3; i++) socket.write(unitChanged('a.service', 'active'))
  socket.write(unitNew('mark-1.service'))
  await listener.until('unit_new')
  expect(listener.records.filter(({ kind }) => kind === 'unit_changed')).toHaveLength(1)
  listener.reader.forget()
  socket.write(unitChanged('a.service', 'active'))
  await listener.until((records) => records.filter(({ kind }) => kind === 'unit_changed').length === 2)
})

test('what was captured, fed to a parser, tells the same records', async () => {
  const { listener, socket } = await connected({ captureBytes: 100_000 })
  socket.end(
    Buffer.concat([unitChanged('a.service', 'active'), unitNew('b.service'), unitChanged('a.service', 'failed')]),
  )
  await listener.end()
  const { chunks, truncated } = listener.reader.takeCapture()
  expect(truncated).toBe(false)
  const parser = native.createSignalParser(readerDefaults)
  const told = chunks.flatMap(({ bytes, realtimeNs, boottimeNs }) => parser.feed(bytes, realtimeNs, boottimeNs))
  expect(told).toEqual(listener.records.slice(1, -1))
  expect(listener.reader.takeCapture().chunks).toEqual([])
})

test('past its limit a capture ends and says so', async () => {
  const { listener, socket } = await connected({ captureBytes: 100 })
  socket.end(Buffer.concat([unitNew('a.service'), unitNew('b.service')]))
  await listener.end()
  const { chunks, truncated } = listener.reader.takeCapture()
  expect(truncated).toBe(true)
  expect(chunks.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThanOrEqual(100)
})
