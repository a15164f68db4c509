import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { waitFor } from '../lab/lab.js'
import { startOtlpSink } from '../support/otlp-sink/otlp-sink.js'
import { agentMain, nodeFlags, Workspace } from './agent.js'

// Standard error that nobody reads and that is full before the agent's first line: a paused terminal's pipe, or the socket
// of a journald that hangs. The agent works on, and every way to its end leads there.

/** Fills fd 2 inside the agent's process, and gives it a bug that a test can call for. */
const preload = `data:text/javascript,${encodeURIComponent(`
import { writeSync } from 'node:fs'
process.stderr // makes it non-blocking, as main does
try { for (;;) writeSync(2, 'x'.repeat(512)) } catch (error) { if (error.code !== 'EAGAIN') throw error }
process.on('SIGUSR2', () => { throw new Error('boom') })
`)}`

/**
 * Far more than the ordered end promises (kShutdownDeadlineMs, and kDrainMs for the log), as others may have the CPU: one that waits for
 * its log does so for ever.
 */
const kEndMs = 60_000

interface Stalled {
  readonly stdio: number | Socket
  close(): void
}

const stalls: Readonly<Record<string, (workspace: Workspace) => Promise<Stalled>>> = {
  async pipe(workspace) {
    const path = workspace.path('stderr')
    execFileSync('/usr/bin/mkfifo', [path])
    const reader = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
    const stdio = openSync(path, constants.O_WRONLY)
    return { stdio, close: () => [stdio, reader].forEach(closeSync) }
  },
  async socket(workspace) {
    const path = workspace.path('stderr')
    let reader: Socket | undefined
    const server: Server = createServer({ pauseOnConnect: true }, (socket) => {
      reader = socket
    })
    await new Promise<void>((resolve) => server.listen(path, resolve))
    const stdio = connect(path)
    await waitFor('the connection', () => reader !== undefined && !stdio.connecting)
    return {
      stdio,
      close() {
        for (const socket of [stdio, reader]) socket?.destroy()
        server.close()
      },
    }
  },
}

describe.each(Object.keys(stalls))('a %s that is full and that nobody reads', (kind) => {
  let workspace: Workspace
  let stalled: Stalled
  let child: ChildProcess | undefined
  beforeEach(async () => {
    workspace = new Workspace()
    stalled = await stalls[kind]!(workspace)
  })
  afterEach(() => {
    child?.kill('SIGKILL')
    stalled.close()
    workspace.remove()
  })

  /** An agent that works: it has written a reading of its own metrics. */
  async function agent(more: readonly string[] = [], exporters: object = {}): Promise<ChildProcess> {
    const config = workspace.writeConfig({
      receivers: { self_telemetry: { collection_interval: '1s' } },
      exporters: { file: { path: workspace.path('out.jsonl') }, ...exporters },
      service: {
        pipelines: { metrics: { receivers: ['self_telemetry'], exporters: ['file', ...Object.keys(exporters)] } },
      },
    })
    const argv = [...nodeFlags, '--import', preload, agentMain, 'run', '--config', config, ...more]
    child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', stalled.stdio] })
    await waitFor('the first reading', () => workspace.text() !== '')
    return child
  }

  /** How it ended; `hangs` when it did not. */
  async function end(running: ChildProcess): Promise<string> {
    const past = () => (running.exitCode ?? running.signalCode) !== null
    await waitFor('the end', past, { timeoutMs: kEndMs }).catch(() => {})
    return past() ? String(running.exitCode ?? running.signalCode) : 'hangs'
  }

  test('SIGTERM ends it in order', async () => {
    const running = await agent()
    running.kill('SIGTERM')
    expect(await end(running)).toBe('0')
  })

  test('--for ends it in order', async () => {
    expect(await end(await agent(['--for', '2s']))).toBe('0')
  })

  test('a bug ends it, for systemd to start it again', async () => {
    const running = await agent()
    running.kill('SIGUSR2')
    expect(await end(running)).toBe('1')
  })

  test('a second signal ends it where the first has to wait', async () => {
    const sink = await startOtlpSink()
    sink.respond = () => ({ kind: 'hang' })
    try {
      const otlp = { endpoint: sink.address, sending_queue: { shutdown_timeout: '6s' } }
      const running = await agent([], { otlp })
      await sink.until(() => sink.tries > 0)
      // Two that come before the agent has looked are one to the kernel; so they go on until it has ended.
      const again = setInterval(() => running.kill('SIGTERM'), 200)
      const code = await end(running)
      clearInterval(again)
      expect(code).toBe('1') // 0 would be the ordered end, after 6 s
    } finally {
      sink.close()
    }
  })
})

test('a reader that comes back gets the lines that waited, whole and in order', async () => {
  const workspace = new Workspace()
  const path = workspace.path('stderr')
  execFileSync('/usr/bin/mkfifo', [path])
  const reader = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  const stdio = openSync(path, constants.O_WRONLY)
  const config = workspace.writeConfig({
    receivers: { self_telemetry: { collection_interval: '1s' } },
    exporters: { file: { path: workspace.path('out.jsonl') } },
    service: { pipelines: { metrics: { receivers: ['self_telemetry'], exporters: ['file'] } } },
  })
  const argv = [...nodeFlags, '--import', preload, agentMain, 'run', '--config', config]
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', stdio] })
  try {
    await waitFor('the first reading', () => workspace.text() !== '')
    child.kill('SIGHUP')
    let read = ''
    const buffer = Buffer.alloc(65_536)
    const readMore = () => {
      try {
        read += buffer.toString('utf8', 0, readSync(reader, buffer))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      }
      return read
    }
    await waitFor('the line that SIGHUP makes', () => readMore().includes('configuration reloaded'))
    const messages = read
      .replace(/^x+/, '')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { message: string }).message)
    expect(messages[0]).toBe('ok')
    expect(messages.indexOf('running')).toBeGreaterThan(0)
    expect(messages.at(-1)).toBe('configuration reloaded')
  } finally {
    child.kill('SIGKILL')
    closeSync(stdio)
    closeSync(reader)
    workspace.remove()
  }
})
