import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { getgid, getuid } from 'node:process'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { loadNative } from '../../../src/binding/native.js'

const loaded = loadNative()
if ('unavailable' in loaded) throw new Error(loaded.unavailable)
const { native } = loaded

const addon = resolve(import.meta.dirname, '../../../build/Release/unitscope_native.node')
const folder = mkdtempSync(join(tmpdir(), 'native-helpers-'))
afterAll(() => rmSync(folder, { recursive: true }))
const cleanups: (() => void)[] = []
afterEach(() => {
  vi.unstubAllEnvs()
  for (const cleanup of cleanups.splice(0).reverse()) cleanup()
})

test('the clock pair: boot clock and wall clock of one moment', () => {
  const before = process.hrtime.bigint()
  const first = native.clockPair()
  const second = native.clockPair()
  const elapsed = process.hrtime.bigint() - before
  expect(second.boottimeNs - first.boottimeNs).toBeGreaterThan(0n)
  expect(second.boottimeNs - first.boottimeNs).toBeLessThanOrEqual(elapsed)
  // CLOCK_MONOTONIC, which hrtime reads, is CLOCK_BOOTTIME without the time asleep.
  expect(first.boottimeNs).toBeGreaterThanOrEqual(before)
  const wallMs = Number(first.realtimeNs / 1_000_000n)
  expect(Math.abs(wallMs - Date.now())).toBeLessThan(10_000)
})

test('the event loop is watched without being kept alive, and a worker that ends or is ended takes its watch along', async () => {
  const text = `
    const { parentPort, workerData: { addon, ends } } = require('node:worker_threads')
    const watch = new (require(addon).LoopWatch)()
    if (ends === 'closed') watch.close()
    setImmediate(() => {
      parentPort.postMessage(watch.read() ?? 'nothing')
      if (ends === 'terminated') setInterval(() => {}, 1000)
    })`
  for (const ends of ['by itself', 'terminated', 'closed', 'by itself']) {
    const worker = new Worker(text, { eval: true, workerData: { addon, ends } })
    const exited = once(worker, 'exit')
    const [told] = await once(worker, 'message')
    if (ends === 'terminated') await worker.terminate()
    await exited
    if (ends === 'closed') expect(told).toBe('nothing')
    else expect(told === 'nothing' || told.every((each: number) => each >= 0)).toBe(true)
  }
})

test('memory that malloc holds free goes back to the kernel', async () => {
  // In a process of its own: blocks below malloc's threshold for mmap, of which one in a hundred stays, so that the heap cannot shrink.
  const script = `
    const addon = require(process.argv[1])
    const { readFileSync } = require('node:fs')
    const anonymousMiB = () => Number(/^RssAnon:\\s+(\\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024
    let blocks = Array.from({ length: 2000 }, () => Buffer.allocUnsafeSlow(64 * 1024).fill(1))
    const full = anonymousMiB()
    const kept = blocks.filter((_, n) => n % 100 === 0)
    blocks = undefined
    setImmediate(() => { // the stack may still hold them
      gc()
      gc() // what the first leaves to another thread, the second waits for
      const freed = anonymousMiB()
      addon.releaseFreeMemory()
      console.log(JSON.stringify({ full, freed, released: anonymousMiB(), kept: kept.length }))
    })`
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', '-e', script, addon])
  const { full, freed, released } = JSON.parse(stdout) as Record<'full' | 'freed' | 'released', number>
  expect(full).toBeGreaterThan(120)
  expect(freed - released).toBeGreaterThan(100)
})

test('the peer of a unix socket is known by process, user and group', async () => {
  const path = join(folder, 'peer.sock')
  const server = createServer().listen(path)
  cleanups.push(() => server.close())
  await once(server, 'listening')
  const client = spawn(process.execPath, ['-e', 'require("net").connect(process.argv[1]).resume()', path])
  cleanups.push(() => client.kill())
  const [socket] = (await once(server, 'connection')) as [Socket & { readonly _handle: { readonly fd: number } }]
  cleanups.push(() => socket.destroy())
  expect(native.peerCredentials(socket._handle.fd)).toEqual({ pid: client.pid, uid: getuid?.(), gid: getgid?.() })
})

test('what has no peer is refused, with the reason', () => {
  expect(() => native.peerCredentials(-1)).toThrow(/^descriptor -1 has no peer: EBADF$/)
  const fd = openSync('/dev/null', 'r')
  cleanups.push(() => closeSync(fd))
  expect(() => native.peerCredentials(fd)).toThrow(/has no peer: ENOTSOCK$/)
})

/** A service manager's end of NOTIFY_SOCKET, in another process: Node cannot make unix datagram sockets. */
async function listen(address: string) {
  const program = [
    'import socket, sys',
    's = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)',
    's.bind(sys.argv[1].replace("@", "\\0", 1))',
    'print("ready", flush=True)',
    'while True: print(repr(s.recv(8192)), flush=True)',
  ]
  const child = spawn('python3', ['-c', program.join('\n'), address])
  cleanups.push(() => child.kill())
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => (await lines.next()).value ?? 'ended'
  expect(await next()).toBe('ready')
  return { next }
}

test.each([join(folder, 'notify.sock'), `@unitscope-test-${process.pid}`])('notify reaches %s', async (address) => {
  const manager = await listen(address)
  vi.stubEnv('NOTIFY_SOCKET', address)
  expect(native.notify('READY=1\nSTATUS=two lines')).toBe(true)
  expect(await manager.next()).toBe(String.raw`b'READY=1\nSTATUS=two lines'`)
  expect(native.notify('x'.repeat(4096))).toBe(true)
  expect(native.notify('x'.repeat(4097))).toBe(false)
  expect(native.notify('')).toBe(false)
})

test.each([
  undefined,
  '',
  '/',
  'relative',
  'vsock:2:1234',
  join(folder, 'nobody.sock'),
  '@unitscope-nobody',
  `/${'x'.repeat(200)}`,
  `@${'x'.repeat(200)}`,
])('notify to %s is false and harmless', (address) => {
  vi.stubEnv('NOTIFY_SOCKET', address)
  expect(native.notify('READY=1')).toBe(false)
})

test('a file is locked until its descriptor is closed, against other openings of it', () => {
  const path = join(folder, 'locked')
  const first = openSync(path, 'w')
  const second = openSync(path, 'r')
  expect(native.lockFile(first)).toBe(true)
  expect(native.lockFile(first)).toBe(true)
  expect(native.lockFile(second)).toBe(false)
  closeSync(first)
  expect(native.lockFile(second)).toBe(true)
  closeSync(second)
  expect(() => native.lockFile(second)).toThrow('cannot be locked: EBADF')
})
