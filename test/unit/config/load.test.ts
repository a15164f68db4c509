import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.js'
import { ConfigError, formatProblem } from '../../../src/errors.js'
import { registrations, withSource } from './fakes.js'

// Real files in a folder of their own: what the file system can do to a configuration.

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unitscope-config-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, content: string | Uint8Array, mode = 0o600): string {
  const file = join(folder, name)
  writeFileSync(file, content)
  chmodSync(file, mode)
  return file
}

/** `OK` and the warnings, or the problems, of a configuration on disk; the folder's name is left out. */
async function load(file: string, env: Record<string, string> = {}): Promise<string[]> {
  const bare = (line: string) => line.replaceAll(`${folder}/`, '')
  try {
    const { warnings } = await loadConfig(file, registrations, env)
    return ['OK', ...warnings.map((warning) => bare(formatProblem(warning)))]
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map((problem) => bare(`${problem.code} ${formatProblem(problem)}`))
  }
}

const good = withSource('    burst: 5')

test('a private file is read, and one that others may read', async () => {
  expect(await load(write('a.yaml', good, 0o600))).toEqual(['OK'])
  expect(await load(write('b.yaml', good, 0o644))).toEqual(['OK'])
})

test('a file that every user may write is refused', async () => {
  expect(await load(write('a.yaml', good, 0o646))).toEqual([
    'CFG_FILE a.yaml:1:1 every user of this machine may write this file; run chmod o-w on it',
  ])
})

test('a file that is not there, not a file, or a dead link says so', async () => {
  mkdirSync(join(folder, 'folder.yaml'))
  execFileSync('/usr/bin/mkfifo', [join(folder, 'fifo.yaml')])
  symlinkSync('gone.yaml', join(folder, 'dead.yaml'))
  symlinkSync('loop.yaml', join(folder, 'loop.yaml'))
  const reason = async (name: string) => (await load(join(folder, name)))[0]!.replace(/^CFG_FILE \S+ /, '')
  expect(await reason('none.yaml')).toBe('the configuration file does not exist')
  expect(await reason('folder.yaml')).toBe('the configuration file is a directory')
  expect(await reason('fifo.yaml')).toBe('the configuration file is not a regular file')
  expect(await reason('dead.yaml')).toBe('the configuration file does not exist')
  expect(await reason('loop.yaml')).toBe('the configuration file is a symbolic link that leads in a circle')
  expect(await reason(`${'n'.repeat(300)}.yaml`)).toBe('the configuration file has a path that is too long')
  expect(await reason('none.yaml/x')).toBe('the configuration file does not exist')
})

test('a symbolic link is followed, as Kubernetes mounts config maps', async () => {
  write('real.yaml', good)
  symlinkSync('real.yaml', join(folder, 'link.yaml'))
  expect(await load(join(folder, 'link.yaml'))).toEqual(['OK'])
})

test('a file of 1 MiB is read, a larger one is refused', async () => {
  const padding = '#'.repeat(2 ** 20 - Buffer.byteLength(good))
  expect(await load(write('a.yaml', good + padding))).toEqual(['OK'])
  expect(await load(write('b.yaml', `${good}${padding}#`))).toEqual([
    'CFG_FILE b.yaml:1:1 the configuration file is larger than 1 MiB',
  ])
})

test('a file that is not UTF-8 names its first bad line', async () => {
  const bytes = Buffer.concat([Buffer.from('# Größe\n# line 2\n'), Buffer.from([0x23, 0xe4, 0x0a]), Buffer.from(good)])
  expect(await load(write('a.yaml', bytes))).toEqual([
    'CFG_FILE a.yaml:3:1 this line is not UTF-8 text; save the file as UTF-8',
  ])
  expect(await load(write('b.yaml', Buffer.from(good, 'utf16le')))).toEqual([
    expect.stringMatching(/^CFG_SYNTAX b.yaml:1:2 a control character stands here/),
  ])
})

test('a byte order mark and Windows line ends are fine', async () => {
  expect(await load(write('a.yaml', `\uFEFF${good.replaceAll('\n', '\r\n')}`))).toEqual(['OK'])
})

test('an empty file says what to write', async () => {
  for (const text of ['', '\n\n', '# nothing\n', '---\n', '\uFEFF'])
    expect(await load(write('a.yaml', text))).toEqual([
      expect.stringMatching(/^CFG_VALUE .*the file is empty; it needs receivers/),
    ])
})

const withToken = (reference: string) =>
  `receivers: { source: }\nexporters:\n  sink:\n    endpoint: 127.0.0.1:4317\n    token: ${reference}\nservice: { pipelines: { all: { receivers: [source], exporters: [sink] } } }\n`

async function token(reference: string, env: Record<string, string> = {}): Promise<unknown> {
  const config = await loadConfig(write('agent.yaml', withToken(reference)), registrations, env)
  return (config.exporters.get('sink')!.config as { token: string }).token
}

test('a secret stands in a file beside the configuration, and loses one line end', async () => {
  write('token', 'abc\n')
  expect(await token('${file:token}')).toBe('abc')
  write('token', 'abc\n\n')
  expect(await token('${file:./token}')).toBe('abc\n')
  write('token', '\uFEFFabc\r\n')
  expect(await token(`\${file:${folder}/token}`)).toBe('abc')
})

test('a file of /proc, which says it is empty, is read', async () => {
  expect(await token('${file:/proc/sys/kernel/ostype}')).toBe('Linux')
})

test('systemd credentials are found by their variable', async () => {
  mkdirSync(join(folder, 'creds'))
  write('creds/token', '0123456789\n')
  expect(
    await token('${file:${env:CREDENTIALS_DIRECTORY}/token}', { CREDENTIALS_DIRECTORY: join(folder, 'creds') }),
  ).toBe('0123456789')
})

test('a secret file that every user can read is a warning, at the reference', async () => {
  write('token', 'abc', 0o644)
  expect(await load(write('agent.yaml', withToken('Bearer ${file:token}')))).toEqual([
    'OK',
    'agent.yaml:5:19 exporters.sink.token: ${file:token} can be read by every user of this machine; chmod o-r if it holds a secret',
  ])
})

test.each([
  ['gone', 'does not exist'],
  ['.', 'is a directory'],
  ['/dev/zero', 'is not a regular file'],
  ['empty', 'is empty'],
  ['big', 'is larger than 64 KiB'],
])('a secret file %s %s', async (path, reason) => {
  write('empty', '\n')
  write('big', 'x'.repeat(65_537))
  expect(await load(write('agent.yaml', withToken(`\${file:${path}}`)))).toEqual([
    `CFG_SUBSTITUTION agent.yaml:5:12 exporters.sink.token: \${file:${path}} ${reason}`,
  ])
})

test('a file without permission says so', async () => {
  const file = write('a.yaml', good, 0o000)
  chmodSync(folder, 0o755)
  // Root may read all, so root reads it as nobody.
  const isRoot = process.getuid?.() === 0
  if (isRoot) process.seteuid?.(65534)
  try {
    const uid = isRoot ? 65534 : process.getuid?.()
    expect(await load(file)).toEqual([
      `CFG_FILE a.yaml:1:1 the configuration file may not be read by this user (uid ${uid}): chown or chmod it, or a folder above it`,
    ])
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
})
