import type { ServerHttp2Session } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { cleanUp, clientOf, heard, hello, message, method, never, reply, startHttp2, startTcp } from './servers.js'

// Which connections there are: as few as serve, and after close() none.

afterEach(cleanUp)

const ok = { 'grpc-status': '0' }

/** Answers all but `/silent`, and tells what arrived. */
async function startServer() {
  let arrived = 0
  const server = await startHttp2((stream, { headers }) => {
    arrived++
    if ((headers as { ':path': string })[':path'] !== '/silent') reply(stream, message(hello), ok)
  })
  const until = async (count: number): Promise<void> => {
    while (arrived < count) await turn()
  }
  return { ...server, until }
}

/** A way to a server, whose connections of now can be made to carry nothing any more, as a firewall does that forgot them. */
async function startWire(to: number): Promise<{ port: number; cut(): void }> {
  const ends: Socket[] = []
  const { port } = await startTcp((near) => {
    const far = connect(to, '127.0.0.1').on('error', () => {})
    near.pipe(far).pipe(near)
    near.on('close', () => far.destroy())
    ends.push(near, far)
  })
  const cut = (): void => {
    for (const end of ends.splice(0)) end.unpipe().resume()
  }
  return { port, cut }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Until what is underway on this machine has arrived. */
async function turns(): Promise<void> {
  for (let at = 0; at < 20; at++) await turn()
}

function open(sessions: readonly ServerHttp2Session[]): ServerHttp2Session[] {
  return sessions.filter(({ closed, destroyed }) => !closed && !destroyed)
}

/** Also where one ends with an error (ECONNRESET): its client had not read all when it was closed. */
async function allClosed(sessions: readonly ServerHttp2Session[]): Promise<void> {
  for (const session of open(sessions)) await new Promise<void>((resolve) => session.once('close', resolve))
}

test('calls that time out one after the other on a dead connection have one new connection made', async () => {
  const { port, sessions } = await startServer()
  const wire = await startWire(port)
  const { client, clock } = clientOf(wire.port)
  expect((await client.unary(method, [hello], never)).status.name).toBe('OK')
  wire.cut()
  const calls = []
  for (let at = 0; at < 4; at++) {
    calls.push(client.unary(method, [hello], never))
    await turns()
    await clock.advance(1000)
  }
  await clock.advance(6000)
  for (const call of calls) {
    expect((await call).status.name).toBe('DEADLINE_EXCEEDED')
    expect((await client.unary(method, [hello], never)).status.name).toBe('OK')
    await clock.advance(1000)
  }
  await allClosed(sessions.slice(0, 1))
  expect(sessions).toHaveLength(2)
})

describe('close() ends', () => {
  test('what runs on a connection that went away (GOAWAY), and on the one after it', async () => {
    const { port, sessions, until } = await startServer()
    const { client } = clientOf(port)
    const first = client.unary('/silent', [hello], never)
    await until(1)
    sessions[0]!.goaway()
    await heard(sessions[0]!)
    const second = client.unary('/silent', [hello], never)
    await until(2)
    expect(sessions).toHaveLength(2)
    client.close()
    for (const call of [first, second]) expect((await call).status.name).toBe('UNAVAILABLE')
    await allClosed(sessions)
  })

  test('what runs on a connection that was replaced', async () => {
    const { port, sessions } = await startServer()
    const wire = await startWire(port)
    const { client, clock } = clientOf(wire.port)
    expect((await client.unary(method, [hello], never)).status.name).toBe('OK')
    wire.cut()
    const first = client.unary(method, [hello], never)
    await turns()
    await clock.advance(9000)
    const second = client.unary(method, [hello], never)
    await turns()
    await clock.advance(1000)
    expect((await first).status.name).toBe('DEADLINE_EXCEEDED')
    expect((await client.unary(method, [hello], never)).status.name).toBe('OK')
    expect(sessions).toHaveLength(2)
    client.close()
    expect((await second).status.name).toBe('UNAVAILABLE')
    await allClosed(sessions)
  })

  for (let ticks = 0; ticks < 12; ticks++)
    test(`a connection that is being made, ${ticks} microtasks after the call`, async () => {
      const { port, sessions } = await startServer()
      const { client } = clientOf(port)
      const call = client.unary(method, [hello], never)
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
      client.close()
      expect((await call).status).toMatchObject({ name: 'UNAVAILABLE', details: 'no connection: the client is closed' })
      await turn()
      await allClosed(sessions)
    })
})

test('a call that was given up before it began makes no connection', async () => {
  const { port, sessions } = await startServer()
  const { client } = clientOf(port)
  const answer = await client.unary(method, [hello], AbortSignal.abort())
  expect(answer).toEqual({ status: { name: 'CANCELLED', details: 'given up' } })
  // Another client's connection comes after what the first would have made.
  expect((await clientOf(port).client.unary(method, [hello], never)).status.name).toBe('OK')
  expect(sessions).toHaveLength(1)
})

test('a message that cannot be compressed is a status too', async () => {
  const { port, sessions } = await startServer()
  const { client } = clientOf(port)
  const strange = { byteLength: 8192 } as Uint8Array
  const { status } = await client.unary(method, [strange], never)
  expect(status).toMatchObject({ name: 'INTERNAL', cut: true })
  expect(status.details).toMatch(/^the request cannot be made: /)
  expect(sessions).toHaveLength(0)
})

test('headers given do not replace those that make it a call of gRPC', async () => {
  let seen = {}
  const { port } = await startHttp2((stream, { headers }) => {
    seen = headers
    reply(stream, message(hello), ok)
  })
  const { client } = clientOf(port, { headers: () => ({ 'content-type': 'text/plain', te: 'gzip', key: 'k' }) })
  expect((await client.unary(method, [hello], never)).status.name).toBe('OK')
  expect(seen).toMatchObject({ 'content-type': 'application/grpc', te: 'trailers', key: 'k' })
})
