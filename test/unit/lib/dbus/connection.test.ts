import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { MethodCall } from '../../../../src/lib/dbus/call.js'
import { CallError, Connection } from '../../../../src/lib/dbus/connection.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { answer, readByOther, refusal, written } from './oracle.js'

const folder = mkdtempSync(join(tmpdir(), 'unitscope-dbus-'))
const servers: Server[] = []
afterAll(() => {
  for (const server of servers) server.close()
  rmSync(folder, { recursive: true, force: true })
})

const kTimeoutMs = 5000
const kLetIn = 'OK 0123456789abcdef0123456789abcdef\r\n'
const ping = new MethodCall({ destination: 'a.b', iface: 'a.b', member: 'Ping' })

/** A connection, and the other end of it with what it has read after the handshake. */
async function rig(lets = kLetIn) {
  const socketPath = join(folder, `${servers.length}`)
  const clock = new FakeClock()
  const heard: Buffer[] = []
  let handshake = ''
  const server = createServer()
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  const connection = new Connection({ socketPath, uid: 1000, timeoutMs: kTimeoutMs, clock })
  const other = await accepted
  other.on('error', () => {})
  const hears = async (bytes: number): Promise<Buffer> => {
    while (Buffer.concat(heard).length < bytes) await nextTurn()
    return Buffer.concat(heard)
  }
  other.on('data', (chunk: Buffer) => {
    if (handshake.endsWith('BEGIN\r\n')) return void heard.push(chunk)
    handshake += chunk.toString('latin1')
    if (handshake.endsWith('BEGIN\r\n')) for (const char of lets) other.write(char)
  })
  return { clock, connection, other, heard, hears, handshake: () => handshake, server }
}

const outcome = (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => error)

test('calls made at once travel together once the server lets in, and each has its own answer', async () => {
  const { connection, other, heard, hears, handshake } = await rig()
  const calls = [1, 2, 3].map((n) => connection.call(ping, `/n${n}`))
  const bytes = await hears(3 * ping.size('/n1'))
  expect(handshake()).toBe(`\0AUTH EXTERNAL ${Buffer.from('1000').toString('hex')}\r\nBEGIN\r\n`)
  expect(heard).toHaveLength(1)
  const size = ping.size('/n1')
  const read = [0, 1, 2].map((at) => readByOther(Buffer.from(bytes.subarray(at * size, (at + 1) * size))))
  expect(read.map(({ serial, path }) => [serial, path])).toEqual([
    [1, '/n1'],
    [2, '/n2'],
    [3, '/n3'],
  ])
  other.write(Buffer.concat([answer(2, 's', ['two']), answer(3, 's', ['three']), answer(1)]))
  expect(await Promise.all(calls)).toEqual([[], ['two'], ['three']])
  connection.close('closed')
})

test('an error is one, with its name; signals in between are nobody’s', async () => {
  const { connection, other, hears } = await rig()
  const call = outcome(connection.call(ping, '/a'))
  await hears(ping.size('/a'))
  const signal = { type: 4, serial: 1, path: '/a', interface: 'a.b', member: 'C', signature: 's', body: ['x'] }
  other.write(Buffer.concat([written(signal), refusal(1, 'a.b.No', 'not today')]))
  const error = (await call) as CallError
  expect(error).toBeInstanceOf(CallError)
  expect([error.message, error.dbusName]).toEqual(['Ping: not today', 'a.b.No'])
  connection.close('closed')
})

test('each call has its own deadline, and an answer that comes after it harms nobody', async () => {
  const { clock, connection, other, hears } = await rig()
  const early = outcome(connection.call(ping, '/a'))
  await hears(ping.size('/a'))
  await clock.advance(3000)
  const late = outcome(connection.call(ping, '/b'))
  await hears(2 * ping.size('/a'))
  await clock.advance(2000)
  expect(String(await early)).toBe('CallError: Ping: no answer within 5 s')
  other.write(Buffer.concat([answer(1), answer(2, 's', ['in time'])]))
  expect(await late).toEqual(['in time'])
  connection.close('closed')
})

test('the end of the connection is the end of all calls, and of those that are made after it', async () => {
  const { connection, other, hears } = await rig()
  const calls = [outcome(connection.call(ping, '/a')), outcome(connection.call(ping, '/b'))]
  await hears(2 * ping.size('/a'))
  other.destroy()
  const reason = 'the bus closed the connection'
  expect(await connection.closed).toBe(reason)
  expect((await Promise.all(calls)).map(String)).toEqual(Array(2).fill(`CallError: ${reason}`))
  expect(String(await outcome(connection.call(ping, '/a')))).toBe(`CallError: ${reason}`)
})

test('a bus that has stopped reading is not asked without end, and goes on when it reads again', async () => {
  const { clock, connection, other, heard, hears } = await rig()
  const path = `/${'a'.repeat(200)}`
  const first = outcome(connection.call(ping, path))
  await hears(ping.size(path))
  other.pause()
  const errors = new Set<string>()
  for (let round = 0; round < 20; round++) {
    const calls = Array.from({ length: 1000 }, () => outcome(connection.call(ping, path)))
    await nextTurn()
    await clock.advance(kTimeoutMs)
    for (const error of await Promise.all(calls)) errors.add(String(error))
  }
  expect([...errors]).toEqual([
    'CallError: Ping: no answer within 5 s',
    'CallError: Ping: the bus does not read what it is asked',
  ])
  await first
  other.resume()
  let isRefused = true
  while (isRefused) {
    await nextTurn()
    isRefused = false
    connection.call(ping, '/z').catch(() => {
      isRefused = true
    })
    await nextTurn()
  }
  const sent = heard.reduce((sum, { length }) => sum + length, 0)
  expect(sent).toBeLessThan(3 * 2 ** 20)
  expect(20 * 1000 * ping.size(path)).toBeGreaterThan(5 * 2 ** 20)
  connection.close('closed')
})

test('a list of ten megabytes comes in many pieces', async () => {
  const { connection, other, hears } = await rig()
  const rows = Array.from({ length: 100_000 }, (_, n) => [`unit-${n}.service`, 'x'.repeat(80)])
  const call = connection.call(ping, '/a')
  await hears(ping.size('/a'))
  const bytes = answer(1, 'a(ss)', [rows])
  expect(bytes.length).toBeGreaterThan(10_000_000)
  other.write(bytes.subarray(0, 5))
  await nextTurn()
  other.write(bytes.subarray(5))
  expect(await call).toEqual([rows])
  connection.close('closed')
})

test.each([
  ['rejects', 'REJECTED EXTERNAL\r\n', 'authentication failed: rejected'],
  ['has an error', 'ERROR\r\n', 'authentication failed: error'],
  ['asks', 'DATA\r\n', 'authentication failed: unexpected'],
  ['has no GUID', 'OK\r\n', 'authentication failed: unexpected'],
  ['never comes to an end', 'A'.repeat(20_000), 'authentication failed: line_too_long'],
  [
    'goes on with what is no message',
    `${kLetIn}${'x'.repeat(16)}`,
    'the bus sent a malformed message: a byte order that is not known',
  ],
])('a server that %s', async (_, lets, reason) => {
  const { connection } = await rig(lets)
  const call = outcome(connection.call(ping, '/a'))
  expect(await connection.closed).toBe(reason)
  expect(String(await call)).toBe(`CallError: ${reason}`)
})

test('nobody is there', async () => {
  const clock = new FakeClock()
  const connection = new Connection({ socketPath: join(folder, 'nobody'), uid: 0, timeoutMs: kTimeoutMs, clock })
  expect(String(await outcome(connection.call(ping, '/a')))).toMatch(/ENOENT/)
})
