#!/usr/bin/env node
// Builds the addon into build/Release: `npm run build:native`. Quiet when it works, the compiler's words when not.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { ok, output } = await build()
  const warned = / warning: /.test(output)
  if (!ok || warned) console.error(output)
  if (!ok) console.error('the addon was not built: it needs g++ >= 10, make and python3, and the headers of this Node')
  process.exitCode = ok ? 0 : 1
}
