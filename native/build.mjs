#!/usr/bin/env node
// Builds the addon into build/Release: `npm run build:native`. One line when there is something to
// build, and the compiler's words when that fails.
import { spawn } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const nodeGyp = `${root}node_modules/.bin/node-gyp`

/**
 * Runs node-gyp in the project's root.
 *
 * @param {readonly string[]} argv
 * @returns {Promise<{ok: boolean, output: string}>}
 */
function gyp(argv) {
  return new Promise((resolve) => {
    const chunks = []
    const child = spawn(nodeGyp, argv, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.on('data', (chunk) => chunks.push(chunk))
    child.stderr.on('data', (chunk) => chunks.push(chunk))
    child.once('error', (error) => resolve({ ok: false, output: error.message }))
    child.once('close', (code) => resolve({ ok: code === 0, output: Buffer.concat(chunks).toString() }))
  })
}

/**
 * Writes build/Makefile anew: an older one knows nothing of source files added since. What is up to date is not compiled
 * again for it.
 *
 * Most installations of Node bring their headers along; node-gyp would fetch them from the network all the same.
 */
export function configure() {
  const prefix = dirname(dirname(process.execPath))
  const chosen = process.env['npm_config_nodedir'] !== undefined
  const here = !chosen && existsSync(`${prefix}/include/node/node_api.h`)
  return gyp(here ? ['configure', `--nodedir=${prefix}`] : ['configure'])
}

/** The addon alone: the test program, which binding.gyp has too, is built by the tests. */
async function build() {
  const configured = await configure()
  return configured.ok ? gyp(['build', 'unitscope_native', `--jobs=${availableParallelism()}`]) : configured
}

/** Its time is when the last build that worked began: a file saved while that ran is newer. */
const stamp = `${root}build/unitscope_native.stamp`

/** Whether the addon is newer than all it is made of, and loads here: then there is nothing to do, not even to configure. */
function upToDate() {
  try {
    const built = statSync(stamp).mtimeMs
    // Folders too: they are touched when a file in them is added or removed.
    const sources = readdirSync(`${root}native`, { recursive: true, encoding: 'utf8' }).map((file) => `native/${file}`)
    const all = ['package.json', 'binding.gyp', 'native', ...sources]
    if (all.some((file) => statSync(`${root}${file}`).mtimeMs >= built)) return false
    createRequire(import.meta.url)(`${root}build/Release/unitscope_native.node`)
    return true
  } catch {
    return false
  }
}

/** Why nothing can be built here by this user; undefined when it can. */
function notWritable() {
  const folder = existsSync(`${root}build`) ? `${root}build` : root.replace(/\/$/, '')
  try {
    accessSync(folder, constants.W_OK)
    return undefined
  } catch (error) {
    const user = `uid ${process.getuid?.()}`
    return `${folder} cannot be written by ${user} (${error.code}): build as its owner, or copy the project to a folder of yours`
  }
}

async function main() {
  if (upToDate()) return 0
  const trouble = notWritable()
  if (trouble !== undefined) {
    console.error(`the addon was not built: ${trouble}`)
    return 1
  }
  console.error('building the native addon; from nothing this takes about a minute ...')
  const began = new Date()
  const { ok, output } = await build()
  if (!ok || / warning: /.test(output)) console.error(output)
  if (!ok) console.error('the addon was not built: it needs g++ >= 10, make and python3, and the headers of this Node')
  if (!ok) return 1
  writeFileSync(stamp, '')
  utimesSync(stamp, began, began)
  return 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main()
