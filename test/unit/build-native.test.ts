import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

// `npm run build:native` on a copy of the project in which nothing can be compiled: there is no node-gyp.

const root = resolve(import.meta.dirname, '../..')
const addon = 'build/Release/unitscope_native.node'
let copy: string

beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'unitscope-build-'))
  for (const part of ['native', 'binding.gyp', 'package.json'])
    cpSync(join(root, part), join(copy, part), { recursive: true })
  mkdirSync(join(copy, 'build/Release'), { recursive: true })
})
afterEach(() => {
  chmodSync(join(copy, 'build'), 0o755)
  rmSync(copy, { recursive: true })
})

function build() {
  // Root may write everywhere, so it becomes somebody else.
  const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
  chmodSync(copy, 0o755)
  const { status, stdout, stderr } = spawnSync(process.execPath, ['native/build.mjs'], {
    cwd: copy,
    encoding: 'utf8',
    ...nobody,
  })
  return { status, stdout, stderr }
}

function stampedAt(time: Date): void {
  const stamp = join(copy, 'build/unitscope_native.stamp')
  writeFileSync(stamp, '')
  utimesSync(stamp, time, time)
}

test('nothing has changed: nothing is said and nothing is started', () => {
  cpSync(join(root, addon), join(copy, addon))
  stampedAt(new Date(Date.now() + 60_000))
  expect(build()).toEqual({ status: 0, stdout: '', stderr: '' })
})

test('a folder that this user cannot write: said so, and nothing of compilers', () => {
  chmodSync(join(copy, 'build'), 0o555)
  const { status, stderr } = build()
  expect(stderr).toMatch(
    /^the addon was not built: \S+\/build cannot be written by uid \d+ \(EACCES\): build as its owner/,
  )
  expect(stderr).not.toContain('g++')
  expect(status).toBe(1)
})

test.each([
  ['a source that is newer', () => cpSync(join(root, addon), join(copy, addon)), new Date(0)],
  ['an addon that does not load', () => writeFileSync(join(copy, addon), 'no library'), new Date(Date.now() + 60_000)],
])('%s: a build is tried, after a line that says so', (_, prepare, stamp) => {
  prepare()
  stampedAt(stamp)
  chmodSync(join(copy, 'build'), 0o777)
  const { status, stderr } = build()
  expect(stderr).toMatch(/^building the native addon; .*\n[\s\S]*the addon was not built: it needs g\+\+/)
  expect(status).toBe(1)
})
