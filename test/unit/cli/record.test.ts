import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { runCli } from './support.js'

// What a person sees when nothing can be recorded; recording a real systemd is test/e2e/record-replay.test.ts.

const folder = mkdtempSync(join(tmpdir(), 'unitscope-record-'))
const file = join(folder, 'x.usrec')
afterAll(() => rmSync(folder, { recursive: true }))

/** Expects the exit code and all of stderr, nothing on stdout, and no file left behind. */
async function check(argv: readonly string[], exit: number, said: RegExp, env: Record<string, string> = {}) {
  const result = await runCli(['record', '--output', file, ...argv], env)
  expect(result.stderr).toMatch(said)
  expect(result.stdout).toBe('')
  expect(result.exit).toBe(exit)
  expect(existsSync(file)).toBe(false)
}

test.each([
  [['--units', '[a'], /^unitscope: option --units: .*\nTry: unitscope record --help\n$/],
  [['--units', ''], /^unitscope: option --units needs a value: /],
  [['--for', '1'], /^unitscope: option --for: "1" is not a duration/],
  [['--forced'], /^unitscope: unknown option --forced: did you mean "--force"/],
  [['more'], /^unitscope: unexpected argument "more"/],
])('%j is a usage error', async (argv, said) => {
  await check(argv, 64, said)
})

test('without --output it is told what to add', async () => {
  const { exit, stderr } = await runCli(['record'])
  expect({ exit, stderr }).toEqual({
    exit: 64,
    stderr: 'unitscope: option --output is missing: add --output FILE\nTry: unitscope record --help\n',
  })
})

test('where no bus is, the address is named, from the option or the environment', async () => {
  const address = `unix:path=${join(folder, 'no-bus')}`
  const said = new RegExp(`^unitscope record: cannot connect to ${address}: .+\n$`)
  await check(['--address', address], 1, said)
  await check([], 1, said, { DBUS_SYSTEM_BUS_ADDRESS: address })
  await check(
    ['--address', 'tcp:host=localhost'],
    1,
    /^unitscope record: bus address "tcp:host=localhost" refused: .+\n$/,
  )
})

test('a server that is no bus is refused with what it said', async () => {
  const path = join(folder, 'http.sock')
  const server = createServer((socket) =>
    socket
      .on('error', () => {})
      .resume()
      .end('HTTP/1.1 400 Bad Request\r\n\r\n'),
  )
  await new Promise<void>((resolve) => server.listen(path, resolve))
  try {
    await check(
      ['--address', `unix:path=${path}`],
      1,
      /^unitscope record: cannot connect to unix:path=\S+http\.sock: authentication failed.*\n$/,
    )
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
})
