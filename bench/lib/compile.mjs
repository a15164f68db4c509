import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { root } from './machine.mjs'

/** As binding.gyp compiles the addon. */
const kFlags = ['-std=c++20', '-O2', '-Wall', '-Wextra', '-pthread']
const kInputs = ['bench/native', 'native']

/** pkg-config is not asked: these are Debian's places. */
const libraries = {
  systemd: { flags: [], links: ['-lsystemd'] },
  dbus: {
    flags: [
      '-I/usr/include/dbus-1.0',
      '-I/usr/lib/x86_64-linux-gnu/dbus-1.0/include',
      '-I/usr/lib/aarch64-linux-gnu/dbus-1.0/include',
    ],
    links: ['-ldbus-1'],
  },
}

/**
 * Compiles bench/native/<name>.cc into build/bench/<name>, unless that is newer than all sources, and returns its path.
 * It may use native/core and native/os: the libraries that `npm run build` made are linked, the same code that ships.
 *
 * @param {string} name
 * @param {readonly (keyof typeof libraries)[]} uses
 */
export function compile(name, uses = []) {
  const program = `${root}build/bench/${name}`
  const built = [`${root}build/Release/host.a`, `${root}build/Release/core.a`]
  if (isNewer(program, [...kInputs.flatMap(filesIn), ...built])) return program
  mkdirSync(`${root}build/bench`, { recursive: true })
  const parts = uses.map((use) => libraries[use])
  const argv = [
    ...kFlags,
    '-Inative',
    '-Ibench/native',
    ...parts.flatMap(({ flags }) => flags),
    `bench/native/${name}.cc`,
  ]
  argv.push('-o', program, ...built, ...parts.flatMap(({ links }) => links))
  const { status, stderr } = spawnSync('g++', argv, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(`bench/native/${name}.cc does not compile:\n${stderr}`)
  return program
}

function filesIn(folder) {
  return readdirSync(`${root}${folder}`, { recursive: true }).map((file) => `${root}${folder}/${file}`)
}

function isNewer(program, inputs) {
  const time = statSync(program, { throwIfNoEntry: false })?.mtimeMs
  return time !== undefined && inputs.every((file) => statSync(file).mtimeMs < time)
}
