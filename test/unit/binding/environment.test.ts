import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, test } from 'vitest'
import { unitNew } from './messages.js'
import { type Peer, startPeer, welcome } from './peer.js'

// The addon's life in environments of Node: a process of its own and a worker, that end while a reader runs.

const root = fileURLToPath(new URL('../../..', import.meta.url))
let peer: Peer | undefined
const children = new Set<ChildProcess>()
afterEach(() => {
  peer?.close()
  for (const child of children) child.kill('SIGKILL')
})

const batch = Buffer.concat(Array.from({ length: 100 }, () => unitNew('a.service')))

/** A bus that connects whoever comes, and then tells of units until the client is gone. */
async function busyBus(): Promise<string> {
  peer = await startPeer((socket) => {
    const more = (): void => {
      if (!socket.writable) return
      socket.write(batch, () => setImmediate(more))
    }
    welcome(socket, 0, more)
  })
  return peer.address
}

/** Defines `reader(address, onRings)`, a running reader of the raw addon. */
const kSetup = `
  const { SignalReader } = require('node-gyp-build')(${JSON.stringify(root)})
  const options = (address) => ({ address, matchRules: [], filter: { include: [], exclude: [], unitTypes: [] },
    ringRecords: 1000, overflow: 'drop_oldest', maxBatchSize: 1000, batchTimeoutMs: 0, backpressurePercent: 80,
    captureBytes: 0 })
  const buffer = Buffer.alloc(65536)
  const reader = (address, onRing) => {
    const one = new SignalReader(options(address))
    one.start(() => { const size = one.drain(buffer); if (size > 0) onRing(one, size) })
    return one
  }
`

/** Runs the code in a Node process of its own: exit code or signal, and all it printed. */
function run(code: string, flags: readonly string[] = []): Promise<{ exit: number | string | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...flags, '-e', kSetup + code], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    children.add(child)
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk
    })
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk
    })
    child.on('close', (exit, signal) => {
      children.delete(child)
      resolve({ exit: exit ?? signal, output })
    })
  })
}

describe('a process', () => {
  test.each([
    ['that calls process.exit() in a doorbell', (address: string) => `reader('${address}', () => process.exit(0))`],
    [
      'that calls process.exit() while it connects',
      (address: string) => `reader('${address}', () => {}); process.exit(0)`,
    ],
    ['that closes in a doorbell ends by itself', (address: string) => `reader('${address}', (one) => one.close())`],
    [
      'whose closed readers are collected',
      (address: string) => `
        let left = 20
        const next = () => { if (left-- > 0) reader('${address}', (one) => { one.close(); gc(); setImmediate(next) }) }
        next()`,
    ],
    ['that never starts one', (address: string) => `new SignalReader(options('${address}')); gc()`],
    ['without a bus ends by itself', () => `reader('unix:path=/nowhere', (one, size) => one.unref())`],
  ])('%s, exits with 0 and says nothing', async (_, code) => {
    const address = await busyBus()
    expect(await run(code(address), ['--expose-gc'])).toEqual({ exit: 0, output: '' })
  })

  test('whose doorbell throws reports the exception as any other', async () => {
    const { exit, output } = await run(`reader('${await busyBus()}', () => { throw new Error('from the doorbell') })`)
    expect(exit).toBe(1)
    expect(output).toContain('Error: from the doorbell')
  })
})

describe('a worker', () => {
  const worker = (code: string, address: string): Worker =>
    new Worker(`const { parentPort, workerData } = require('node:worker_threads'); ${kSetup} ${code}`, {
      eval: true,
      workerData: address,
    })
  const exit = (one: Worker): Promise<number> => new Promise((resolve) => one.once('exit', resolve))

  test('reads on its own thread, beside another that does', async () => {
    const address = await busyBus()
    const code = `let total = 0; reader(workerData, (one, size) => { total += size; if (total > 100_000) { one.close(); parentPort.postMessage(total) } })`
    const both = [worker(code, address), worker(code, address)]
    const exits = both.map(exit)
    const totals = both.map((one) => new Promise<number>((resolve) => one.once('message', resolve)))
    for (const total of await Promise.all(totals)) expect(total).toBeGreaterThan(100_000)
    expect(await Promise.all(exits)).toEqual([0, 0])
  })

  test('that is terminated while its readers run takes nothing else with it', async () => {
    const address = await busyBus()
    for (let round = 0; round < 5; round++) {
      const one = worker(
        `for (let i = 0; i < 3; i++) reader(workerData, () => parentPort.postMessage('rung'))`,
        address,
      )
      await new Promise((resolve) => one.once('message', resolve))
      expect(await one.terminate()).toBe(1)
    }
  })

  // Termination may come between any two calls into the engine: each then fails, and nothing that it was to give is there.
  test.each([
    ['asks for a pass over cgroups', 'cgroups.request()'],
    ['takes cgroups', 'cgroups.take(table); cgroups.stalls(); cgroups.kills(); cgroups.ignore(Float64Array.of(1))'],
    ['asks for statistics', 'cgroups.stats(); one.stats()'],
    ['reads the clocks', 'addon.clockPair()'],
    ['asks for peers', 'addon.peerCredentials(0)'],
    ['takes a capture', 'one.takeCapture()'],
    ['makes readers', 'new addon.SignalParser(options("")); new addon.CgroupReader(tree)'],
    ['drains', 'one.symbols(0); one.drain(buffer)'],
  ])('that is terminated while it %s does not take its process with it', { timeout: 120_000 }, async (_, call) => {
    const address = await busyBus()
    const loop = `const { parentPort } = require('node:worker_threads')
      ${kSetup}
      const addon = require('node-gyp-build')(${JSON.stringify(root)})
      const one = new SignalReader({ ...options('${address}'), captureBytes: 1e6 })
      one.start(() => {})
      const tree = { root: '/sys/fs/cgroup', anyFilesystem: true, maxCgroups: 100, maxDepth: 3, maxOpenFiles: 100,
        groups: 127, walkIntervalMs: 600_000, kernelLog: true }
      const table = new Float64Array(100_000)
      const cgroups = new addon.CgroupReader(tree)
      cgroups.start(() => cgroups.take(table))
      cgroups.request()
      parentPort.postMessage('calling')
      for (;;) { ${call} }`
    const kRounds = 12
    const main = `const { Worker } = require('node:worker_threads')
      const next = async (left) => {
        if (left === 0) return
        const worker = new Worker(${JSON.stringify(loop)}, { eval: true })
        await new Promise((resolve) => worker.once('message', resolve))
        for (let spin = left * 40_000; spin > 0; spin--) {}
        await worker.terminate()
        await next(left - 1)
      }
      next(${kRounds}).then(() => console.log('survived'))`
    expect(await run(main)).toEqual({ exit: 0, output: 'survived\n' })
  })

  test('that ends with a running reader ends', async () => {
    const address = await busyBus()
    expect(await exit(worker(`reader(workerData, () => process.exit(0))`, address))).toBe(0)
  })
})
