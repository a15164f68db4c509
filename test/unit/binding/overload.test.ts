import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, expect, test } from 'vitest'
import type { SignalReader } from '../../../src/binding/signal-source.js'
import { native, readerDefaults } from './listener.js'
import { reply, unitNew } from './messages.js'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const kUnits = 1000

/** A bus on a thread of its own, since this one is to be kept busy: after its welcome it never stops telling of units. */
const kFlood = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { createServer } = require('node:net')
  createServer((socket) => {
    socket.on('error', () => {})
    const more = () => socket.writable && socket.write(workerData.batch, () => setImmediate(more))
    socket.on('data', (data) => {
      if (data.includes('BEGIN')) socket.write('OK 0123456789abcdef0123456789abcdef\\r\\n')
      if (data.includes('Hello')) socket.write(workerData.answer, more)
    })
  }).listen(workerData.path, () => parentPort.postMessage('listening'))
`

async function flood(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'overload-'))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
  const batch = Buffer.concat(Array.from({ length: kUnits }, (_, i) => unitNew(`unit-${i}.service`)))
  const workerData = { path: join(folder, 'bus'), answer: reply(1), batch }
  const worker = new Worker(kFlood, { eval: true, workerData })
  cleanups.push(() => worker.terminate())
  await new Promise((resolve) => worker.once('message', resolve))
  return `unix:path=${folder}/bus`
}

test('however much comes and however slow the listener, timers and sockets have their turn before 20 ms are over', async () => {
  let turn = 0
  let turns: NodeJS.Immediate
  const count = (): void => {
    turn++
    turns = setImmediate(count)
  }
  count()
  cleanups.push(() => clearImmediate(turns))

  const told: { turn: number; records: number }[] = []
  const address = await flood()
  const busy = new Int32Array(new SharedArrayBuffer(4))
  await new Promise<void>((resolve) => {
    const reader: SignalReader = native.createSignalReader(
      { ...readerDefaults, matchRules: [], address },
      (records) => {
        told.push({ turn, records: records.length })
        // What a slow listener does: meanwhile the reader's thread fills the ring and rings again.
        Atomics.wait(busy, 0, 0, 5)
        if (told.length === 50) resolve()
      },
    )
    cleanups.push(() => reader.close())
    reader.start()
  })
  // 5 ms each: a third call would begin at 10 ms, past what one turn may take.
  const inTurn = new Map<number, number>()
  for (const each of told) inTurn.set(each.turn, (inTurn.get(each.turn) ?? 0) + 1)
  expect(Math.max(...inTurn.values())).toBeLessThanOrEqual(2)
  // Between two looks at the clock lie so many records, which the ring's size does not move.
  expect(Math.max(...told.map(({ records }) => records))).toBeLessThanOrEqual(64)
})

test('close() from within the listener hands over all that is queued, in order and with its losses, and then nothing', async () => {
  const address = await flood()
  let units = 0
  let next = 0
  /** Where the ring is full before this thread first looks, `connected` is the oldest, and the first to be lost. */
  let connected = 0
  const reader: SignalReader = native.createSignalReader({ ...readerDefaults, matchRules: [], address }, (records) => {
    for (const record of records) {
      if (record.kind === 'connected') connected++
      if (record.kind === 'lost') next += record.count - (next === 0 && connected === 0 ? 1 : 0)
      if (record.kind !== 'unit_new') continue
      expect(record.unit).toBe(`unit-${next++ % kUnits}.service`)
      units++
    }
    while (reader.stats().dropped === 0) {
      // Until the thread has filled the ring.
    }
    void reader.close()
  })
  reader.start()
  while (units === 0) await new Promise((resolve) => setImmediate(resolve))
  const { records, dropped } = reader.stats()
  expect(units + connected).toBe(records - dropped)
  await new Promise((resolve) => setImmediate(resolve))
  expect(units + connected).toBe(records - dropped)
})
