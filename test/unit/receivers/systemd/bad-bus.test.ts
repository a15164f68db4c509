import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { schema } from '../../../../src/receivers/systemd/config.js'
import { createSystemdReceiver } from '../../../../src/receivers/systemd/systemd-receiver.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'
import { systemClock } from '../../../../src/util/clock.js'

// The real receiver with the real addon, talking to a server that misbehaves: it must say what is wrong and go on trying.

const folder = mkdtempSync(join(tmpdir(), 'unitscope-bus-'))
const servers: Server[] = []
afterAll(() => {
  for (const server of servers) server.close()
  rmSync(folder, { recursive: true, force: true })
})

const kOk = 'OK 0123456789abcdef0123456789abcdef\r\n'
/** Match rules of lib/systemd/bus.ts and Hello: what a reader asks before it listens. */
const kCallsOfReader = 4

/** An empty METHOD_RETURN: 12 bytes, then the one header field REPLY_SERIAL (D-Bus specification, "Message Format"). */
function reply(toSerial: number): Buffer {
  const bytes = Buffer.from([0x6c, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 5, 1, 0x75, 0, 0, 0, 0, 0])
  bytes.writeUInt32LE(toSerial, 8)
  bytes.writeUInt32LE(toSerial, 20)
  return bytes
}

/** A reply with these four bytes overwritten. */
function broken(at: number, value: number): Buffer {
  const bytes = reply(1)
  bytes.writeUInt32LE(value, at)
  return bytes
}

type Behaviour = (socket: Socket) => void

/** Answers the client's first bytes with these. */
const says =
  (...answers: readonly (string | Buffer)[]): Behaviour =>
  (socket) =>
    void socket.once('data', () => {
      for (const answer of answers) socket.write(answer)
    })
const closes: Behaviour = (socket) => socket.end()
const resets: Behaviour = (socket) => void socket.once('data', () => socket.destroy())
const rejects: Behaviour = (socket) => void socket.on('data', () => socket.write('REJECTED\r\n'))
/** Lets the client in and answers its first calls with these. */
const letsIn =
  (...answers: readonly Buffer[]): Behaviour =>
  (socket) =>
    void socket.once('data', () => {
      socket.write(kOk)
      // BEGIN may come alone; calls are longer.
      socket.on('data', (calls: Buffer) => calls.length > 16 && socket.write(Buffer.concat(answers)))
    })
/** A bus as the signal reader wants it; it sends no signals. */
const good = letsIn(...Array.from({ length: kCallsOfReader }, (_, i) => reply(i + 1)))

let count = 0

/** `behaviours` take turns: each session makes two connections, for signals and then for questions. */
async function serve(behaviours: readonly Behaviour[]): Promise<string> {
  const path = join(folder, `${++count}`)
  let connections = 0
  const server = createServer((socket) => {
    socket.on('error', () => {})
    behaviours[connections++ % behaviours.length]!(socket)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return `unix:path=${path}`
}

/** What the receiver says of a server, having met it several times. */
async function reasonsOf(address: string, tries: number, telemetry = new RecordingTelemetry()): Promise<string[]> {
  const host = new TestHost()
  const settings = testSettings('receiver', 'systemd', { clock: systemClock, random: () => 0, telemetry })
  const config = createTestConfig(schema, { address, collection_interval: '0s' })
  const enough = new Promise<void>((resolve) => {
    host.report = (status) => {
      if (status.state !== 'starting') host.reports.push(status)
      if (host.reports.length === tries) resolve()
    }
  })
  const receiver = createSystemdReceiver(settings, config, new MemoryExporter())
  await receiver.start(host)
  await enough
  await receiver.shutdown()
  return host.reports.map((status) => {
    expect(status.state).toBe('degraded')
    return 'reason' in status ? status.reason : ''
  })
}

const place = /unix:path=\S+: /.source

describe.concurrent('a bus that misbehaves leaves the receiver degraded, with the same reason each time', () => {
  const rows: readonly (readonly [story: string, behaviours: readonly Behaviour[], reason: RegExp, tries?: number])[] =
    [
      ['closes at once', [closes], /closed the connection|Broken pipe|Connection reset/],
      ['resets the connection', [resets], /closed the connection|Connection reset/],
      ['says nothing', [() => {}], /no answer within 5 s/, 1],
      ['lets nobody in', [says('REJECTED\r\n')], new RegExp(`${place}authentication failed: rejected`)],
      ['knows no EXTERNAL', [says('REJECTED DBUS_COOKIE_SHA1\r\n')], /authentication failed: rejected/],
      ['answers with an error', [says('ERROR "no"\r\n')], /authentication failed: error/],
      ['asks when nothing is due', [says('DATA 00\r\n')], /authentication failed: unexpected/],
      ['speaks in lower case', [says(kOk.toLowerCase())], /authentication failed: unexpected/],
      ['has a GUID that is no hex number', [says(`OK ${'g'.repeat(32)}\r\n`)], /authentication failed: bad_guid/],
      ['sends NUL', [says('OK\0')], /authentication failed: bad_byte/],
      ['sends a byte above 127', [says(Buffer.from([0xff]))], /authentication failed: bad_byte/],
      ['sends an endless line', [says('A'.repeat(64 * 1024))], /authentication failed: line_too_long/],
      ['speaks HTTP', [says('HTTP/1.1 400 Bad Request\r\n\r\n')], /authentication failed: unexpected/],
      ['goes on with garbage', [says(kOk, 'x'.repeat(64))], /header_endian/],
      ['sends a message of 4 GiB', [says(kOk, Buffer.from(`6c010001ffffffff01000000${'0'.repeat(16)}`, 'hex'))], /./],
      ['lets only the first connection in', [good, rejects], /^authentication failed: rejected$/],
      ['closes the second connection', [good, closes], /closed the connection/],
      ['resets the second connection', [good, resets], /closed the connection/],
      ['sends garbage on the second connection', [good, letsIn(Buffer.alloc(64, 'x'))], /malformed|no answer/, 1],
      ['announces 4 GiB on the second connection', [good, letsIn(broken(4, 0xffffff00))], /malformed|no answer/, 1],
      ['announces header fields without end there', [good, letsIn(broken(12, 0xfffffff0))], /malformed|no answer/, 1],
      ['sends a header field of no known type there', [good, letsIn(broken(18, 0x7a))], /malformed message/],
      ['sends a header field that runs over its end there', [good, letsIn(broken(17, 200))], /malformed message/],
      ['says nothing on the second connection', [good, () => {}], /no answer within 5 s/, 1],
    ]
  for (const [story, behaviours, reason, tries = 3] of rows) {
    it(story, async () => {
      const reasons = await reasonsOf(await serve(behaviours), tries)
      expect(reasons[0]).toMatch(reason)
      expect(new Set(reasons).size, reasons.join('\n')).toBe(1)
    })
  }

  it('sends messages that are refused: each is counted by its reason', async () => {
    const telemetry = new RecordingTelemetry()
    await reasonsOf(await serve([says(kOk, 'x'.repeat(64))]), 3, telemetry)
    expect(telemetry.errors).toEqual(new Map([['header_endian', 3]]))
  })

  it('is not there', async () => {
    const [reason] = await reasonsOf(`unix:path=${folder}/nobody`, 1)
    expect(reason).toMatch(/nobody: No such file or directory \(is the bus running\?\)/)
  })
})
