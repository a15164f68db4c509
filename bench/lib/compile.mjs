import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { root } from './machine.mjs'

/** As binding.gyp compiles the addon. */
const kFlags = ['-std=c++20', '-O2', '-Wall', '-Wextra', '-pthread']
const folder = `${root}build/bench`

/** Where Debian has them, on every architecture. */
const libraries = {
  systemd: { flags: [], links: ['-lsystemd'] },
  dbus: { flags: ['-I/usr/include/dbus-1.0', ...multiarch('dbus-1.0/include')], links: ['-ldbus-1'] },
}

/**
 * Compiles bench/native/<name>.cc into build/bench/<name>, unless that is newer than all sources there, and returns its path.
 *
 * @param {string} name
 * @param {readonly (keyof typeof libraries)[]} uses
 */
export function compile(name, uses = []) {
  const program = `${folder}/${name}`
  const parts = uses.map((use) => libraries[use])
  const flags = [...kFlags, ...parts.flatMap((part) => part.flags)]
  return build(program, 'g++', [
    ...flags,
    `bench/native/${name}.cc`,
    '-o',
    program,
    ...parts.flatMap(({ links }) => links),
  ])
}

/**
 * Compiles bench/native/<name>.cc into an addon, build/bench/<name>.node, with the headers that this Node brought along.
 *
 * @param {string} name
 */
export function compileAddon(name) {
  const program = `${folder}/${name}.node`
  const headers = `-I${dirname(dirname(process.execPath))}/include/node`
  return build(program, 'g++', [...kFlags, '-shared', '-fPIC', headers, `bench/native/${name}.cc`, '-o', program])
}

/**
 * Compiles bench/native/<name>/main.go into build/bench/<name>, with Debian's Go packages and no network.
 *
 * @param {string} name
 */
export function compileGo(name) {
  const program = `${folder}/${name}`
  const env = { GOPATH: '/usr/share/gocode', GO111MODULE: 'off', GOCACHE: `${folder}/go-cache` }
  return build(program, '/usr/bin/go', ['build', '-o', program, `bench/native/${name}/main.go`], env)
}

function build(program, compiler, argv, env = {}) {
  const time = statSync(program, { throwIfNoEntry: false })?.mtimeMs
  if (time !== undefined && sources().every((file) => statSync(file).mtimeMs < time)) return program
  mkdirSync(folder, { recursive: true })
  const { status, stderr, error } = spawnSync(compiler, argv, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  if (status !== 0) throw new Error(`${program} was not built: ${error?.message ?? stderr}`)
  return program
}

function sources() {
  return readdirSync(`${root}bench/native`, { recursive: true }).map((file) => `${root}bench/native/${file}`)
}

function multiarch(path) {
  const triplets = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }
  return [`-I/usr/lib/${triplets[process.arch]}/${path}`]
}
