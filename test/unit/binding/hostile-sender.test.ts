import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { listen } from './listener.js'
import { type Field, message } from './messages.js'
import { busKinds, startFakeSystemd, startPrivateBus, whyNot } from './private-bus.js'

// Any user may connect to the system bus and send any other connection a signal, past that one's match rules.

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A client that marshals what no library would. */
async function stranger(address: string): Promise<Socket> {
  const socket = connect(address.replace('unix:path=', ''))
  cleanups.push(() => socket.destroy())
  socket.on('error', () => {
    // A bus may hang up on it: the reader is what is looked at.
  })
  const uid = Buffer.from(String(process.getuid?.())).toString('hex')
  socket.write(`\0AUTH EXTERNAL ${uid}\r\n`)
  await once(socket, 'data')
  const driver = 'org.freedesktop.DBus'
  const hello: Field[] = [
    [1, 'o', '/org/freedesktop/DBus'],
    [2, 's', driver],
    [3, 's', 'Hello'],
    [6, 's', driver],
  ]
  socket.write(Buffer.concat([Buffer.from('BEGIN\r\n'), message(1, hello, Buffer.alloc(0))]))
  await once(socket, 'data')
  return socket
}

/** A signal to one connection alone with one text in its body. */
function unicast(to: string, path: string, textBytes: number): Buffer {
  const body = Buffer.alloc(4 + textBytes + 1, 'a')
  body.writeUInt32LE(textBytes)
  body[4 + textBytes] = 0
  const fields: Field[] = [
    [1, 'o', path],
    [2, 's', 'x.y'],
    [3, 's', 'Z'],
    [6, 's', to],
    [8, 'g', 's'],
  ]
  return message(4, fields, body)
}

describe.each(busKinds)('on a real %s', (kind) => {
  const why = whyNot(kind)
  const skipped = why === undefined ? '' : ` [skipped: ${why}]`
  test.skipIf(why !== undefined)(`nothing that a stranger sends to the reader cuts it off${skipped}`, async () => {
    const bus = await startPrivateBus(kind)
    cleanups.push(() => bus.kill())
    const systemd = await startFakeSystemd(bus.address)
    cleanups.push(() => systemd.close())
    const listener = listen(bus.address)
    cleanups.push(() => listener.reader.close())
    await listener.until('connected')
    const sender = await stranger(bus.address)

    // Who the reader is on this bus is no secret: its names are numbered.
    const readers = Array.from({ length: 6 }, (_, i) => `:1.${i}`)
    for (const to of readers) {
      sender.write(unicast(to, '/x', 1_100_000))
      sender.write(unicast(to, `/${'x'.repeat(70_000)}`, 1))
      sender.write(unicast(to, '/x', 3_000_000))
    }
    while (Object.keys(listener.reader.stats().rejected).length < 2) {
      expect(listener.records.at(-1)?.kind).toBe('connected')
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    systemd.unitNew('after.service')
    await listener.until('unit_new')
    expect(listener.records.map(({ kind: each }) => each)).toEqual(['connected', 'unit_new'])
    const { rejected, nativeBytes } = listener.reader.stats()
    expect(rejected).toEqual({ path_size: 1, message_size: 1 })
    expect(nativeBytes).toBeLessThan(4 * 2 ** 20)
  })
})
