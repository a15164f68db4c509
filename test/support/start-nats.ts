import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.js'

export interface NatsServer {
  /** `nats://127.0.0.1:port`. */
  readonly url: string
  /** Ends the process, does `meanwhile`, and starts it again on the same port with the same data. */
  restart(signal: 'SIGTERM' | 'SIGKILL', meanwhile?: () => Promise<void>): Promise<void>
  stop(): Promise<void>
}

const kMaxLogBytes = 64 * 1024

/** Runs Debian's nats-server with JetStream on a free loopback port, in a folder of its own. */
export async function startNats(more = ''): Promise<NatsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'unitscope-nats-'))
  const port = await freePort()
  const config = `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${folder}/data" }\n${more}\n`
  await writeFile(join(folder, 'nats.conf'), config)
  let end = await run(folder, port)
  return {
    url: `nats://127.0.0.1:${port}`,
    async restart(signal, meanwhile = async () => {}) {
      await end(signal)
      await meanwhile()
      end = await run(folder, port)
    },
    async stop() {
      await end('SIGTERM')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Resolves when it greets. */
async function run(folder: string, port: number): Promise<(signal: 'SIGTERM' | 'SIGKILL') => Promise<void>> {
  const child = spawn('/usr/sbin/nats-server', ['-c', join(folder, 'nats.conf')], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {},
  })
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-kMaxLogBytes)
  })
  const ended = new Promise<void>((resolve) => {
    child.on('close', () => resolve())
    child.on('error', (error) => {
      log += String(error)
      resolve()
    })
  })
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    child.kill(signal)
    await ended
  }
  for (;;) {
    if (await greets(port)) return end
    if (child.exitCode !== null || child.pid === undefined) {
      await rm(folder, { recursive: true, force: true })
      throw new Error(`nats-server did not start (package nats-server installed?):\n${log}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const answer = (is: boolean): void => {
      socket.destroy()
      resolve(is)
    }
    socket.once('data', (data) => answer(data.toString('latin1').startsWith('INFO ')))
    socket.once('error', () => answer(false))
    socket.once('close', () => resolve(false))
  })
}
