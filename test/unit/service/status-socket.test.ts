import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { askStatus } from '../../../src/cli/status-client.js'
import { openStatusSocket } from '../../../src/service/status-socket.js'

let folder = ''
let path = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unitscope-status-'))
  path = join(folder, 'status.sock')
})
afterEach(() => rmSync(folder, { recursive: true }))

/** What comes back for these bytes, until the agent closes. */
async function ask(bytes: string): Promise<string> {
  let text = ''
  const socket = createConnection(path, () => socket.write(bytes))
  socket.on('data', (chunk) => {
    text += chunk.toString()
  })
  await once(socket, 'close')
  return text
}

describe('who asks', () => {
  test('is answered each time anew, in a document of its own; when it closes no file is left', async () => {
    let asked = 0
    const socket = await openStatusSocket(path, () => ({ asked: ++asked }))
    expect(await ask('status\n')).toBe('{"asked":1}\n')
    expect(await ask('status\n')).toBe('{"asked":2}\n')
    await socket.close()
    expect(existsSync(path)).toBe(false)
  })

  test.each([['anything else'], ['x'.repeat(1_000_000)], ['status \n'], ['\n']])(
    'is told what to ask: %.20s',
    async (bytes) => {
      const socket = await openStatusSocket(path, () => 'never')
      // What is too long to be a question is not read to its end.
      expect(await ask(bytes).catch(() => '{"error":"ask for \\"status\\""}\n')).toMatch(
        /^(\{"error":"ask for \\"status\\""\}\n)?$/,
      )
      await socket.close()
    },
  )

  test('may be gone before the answer, and may never ask: the agent still ends', async () => {
    const socket = await openStatusSocket(path, () => 'x'.repeat(1_000_000))
    const gone = createConnection(path, () => gone.end('status\n', () => gone.destroy()))
    gone.on('error', () => {})
    const silent = createConnection(path)
    await Promise.all([once(gone, 'close'), once(silent, 'connect')])
    const closed = once(
      silent.on('error', () => {}),
      'close',
    ).catch(() => {}) // it may see a reset
    await socket.close()
    await closed
  })
})

describe('the file', () => {
  test('is for user and group alone, and the umask stays what it was', async () => {
    const before = process.umask(0o022)
    const socket = await openStatusSocket(path, () => 1)
    expect(process.umask(before)).toBe(0o022)
    expect(statSync(path).mode & 0o777).toBe(0o660)
    await socket.close()
  })

  test('takes nothing from the owner of what other threads make meanwhile: the umask is of all of them', async () => {
    const masks = vi.spyOn(process, 'umask')
    const socket = await openStatusSocket(path, () => 1)
    expect(masks.mock.calls.map(([mask]) => Number(mask) & 0o700)).toEqual([0, 0])
    masks.mockRestore()
    await socket.close()
  })

  test('that a killed agent left is replaced', async () => {
    const program = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`
    const agent = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(agent.stdout, 'data')
    agent.kill('SIGKILL')
    await once(agent, 'exit')
    expect(existsSync(path)).toBe(true)
    const socket = await openStatusSocket(path, () => 1)
    expect(await ask('status\n')).toBe('1\n')
    await socket.close()
  })

  test('on which another agent answers is left to it', async () => {
    const first = await openStatusSocket(path, () => 'first')
    await expect(openStatusSocket(path, () => 'second')).rejects.toThrow('another agent answers there')
    expect(await ask('status\n')).toBe('"first"\n')
    await first.close()
  })

  test.each(['a file', 'a link, to wherever'])('is not replaced where it is %s', async (what) => {
    const place = what === 'a file' ? path : `${path}.real`
    writeFileSync(place, 'precious')
    if (place !== path) symlinkSync(place, path)
    await expect(openStatusSocket(path, () => 1)).rejects.toThrow('something that is no socket of this user')
    expect(readFileSync(path, 'utf8')).toBe('precious')
  })

  test('has a path that a socket can have, in a folder that there is', async () => {
    await expect(openStatusSocket(`/${'x'.repeat(107)}`, () => 1)).rejects.toThrow('longer than 107 bytes')
    await expect(openStatusSocket(`/${'é'.repeat(54)}`, () => 1)).rejects.toThrow('longer than 107 bytes')
    await expect(openStatusSocket('/nonexistent/status.sock', () => 1)).rejects.toThrow('there is no such folder')
  })
})

describe('a process that stood still for all of a deadline looks before it says that nobody answered:', () => {
  const standStill = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

  test('the agent that is asked', async () => {
    const agent = await openStatusSocket(path, () => 'here', 100)
    const socket = createConnection(path, () => {
      socket.write('status\n')
      setImmediate(() => standStill(200)) // accepted by now, and not read
    })
    const [answer] = await once(socket, 'data')
    expect(String(answer)).toBe('"here"\n')
    await agent.close()
  })

  test('who asks', async () => {
    const server = createServer((socket) => void socket.end('{}')).listen(path)
    await once(server, 'listening')
    const asked = askStatus(path, 100)
    standStill(200)
    expect(await asked).toMatchObject({ unanswered: expect.stringContaining('no agent of this kind') })
    server.close()
  })
})

describe('unitscope status says why nobody answers:', () => {
  test('no socket', async () => {
    expect(await askStatus(path)).toMatchObject({ unanswered: expect.stringContaining('no agent runs here') })
  })

  test('an agent that was killed', async () => {
    const program = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`
    await once(spawn(process.execPath, ['-e', program]), 'exit')
    expect(await askStatus(path)).toMatchObject({ unanswered: expect.stringContaining('did not end in order') })
  })

  test('an agent that is stuck', async () => {
    const server = createServer(() => {}).listen(path)
    await once(server, 'listening')
    expect(await askStatus(path, 50)).toMatchObject({ unanswered: expect.stringContaining('event loop is stuck') })
    server.close()
  })

  test.each([['not JSON'], ['{}'], ['[1,2]'], ['null']])('something else that answers %s', async (answer) => {
    const server = createServer((socket) => void socket.end(answer)).listen(path)
    await once(server, 'listening')
    expect(await askStatus(path)).toMatchObject({ unanswered: expect.stringContaining('no agent of this kind') })
    server.close()
  })
})
