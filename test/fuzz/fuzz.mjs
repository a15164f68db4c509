#!/usr/bin/env node
// fuzz.mjs [--seconds N] [TARGET...]: builds the fuzz targets with clang's libFuzzer, ASan and UBSan, and runs each for N
// seconds (60). What it finds new goes to build/native/fuzz/corpus/, a crash to build/native/fuzz/crash-*. See README.md.
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { configure } from '../../native/build.mjs'
import { hasProgram, make, root, run, variants } from '../native/variants.mjs'

const kCompiler = variants.fuzz.env.CXX
/** An input that takes longer is a finding: the largest takes microseconds. */
const kSlowSeconds = 5
const kMaxMb = 512

const targets = readdirSync(`${root}test/fuzz`)
  .filter((file) => /^fuzz_.*\.cc$/.test(file))
  .map((file) => basename(file, '.cc'))

/**
 * @param {readonly string[]} names  all targets when there are none
 * @param {{runs?: number, seconds: number, jobs: number}} limits  with `runs`, the seed is fixed and nothing found is kept
 * @returns {Promise<[string, {ok: boolean, output: string, skipped?: string}][]>}
 */
export async function fuzz(names, limits) {
  const chosen = names.length > 0 ? names : targets
  if (!hasProgram(kCompiler)) return [['fuzz targets', { ok: true, output: '', skipped: `no ${kCompiler}` }]]
  const built = await make('fuzz', 'core')
  if (!built.ok) return [['fuzz targets', built]]
  const results = []
  const queue = [...chosen]
  const work = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      results.push([name, await fuzzOne(name, limits)])
    }
  }
  await Promise.all(Array.from({ length: limits.jobs }, work))
  return results.sort(([a], [b]) => a.localeCompare(b))
}

async function fuzzOne(name, { runs, seconds }) {
  const { env, program: out } = variants.fuzz
  const flags = `-std=c++20 -Inative -Itest/native -Wall -Wextra ${env.CXXFLAGS}`.replaceAll('fuzzer-no-link', 'fuzzer')
  const built = await run([
    kCompiler,
    ...flags.split(' '),
    `test/fuzz/${name}.cc`,
    `${out}/core.a`,
    '-o',
    `${out}/${name}`,
  ])
  if (!built.ok) return built
  const unit = name.replace('fuzz_', '')
  // libFuzzer writes what it finds new to the first folder: never to the committed seeds. A bounded run starts without any.
  const found = `build/native/fuzz/${runs === undefined ? 'corpus' : 'scratch'}/${unit}`
  if (runs !== undefined) rmSync(`${root}${found}`, { recursive: true, force: true })
  mkdirSync(`${root}${found}`, { recursive: true })
  return run([
    `${out}/${name}`,
    found,
    `test/fuzz/corpus/${unit}`,
    ...(runs === undefined ? [] : [`-runs=${runs}`, '-seed=1']),
    `-max_total_time=${seconds}`,
    `-timeout=${kSlowSeconds}`,
    `-rss_limit_mb=${kMaxMb}`,
    '-artifact_prefix=build/native/fuzz/',
    '-print_final_stats=1',
  ])
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    options: { seconds: { type: 'string', default: '60' } },
    allowPositionals: true,
  })
  const configured = await configure()
  if (!configured.ok) throw new Error(configured.output)
  for (const [name, result] of await fuzz(positionals, { seconds: Number(values.seconds), jobs: 2 })) {
    console.log(`${name}: ${result.skipped ? `skipped: ${result.skipped}` : result.ok ? 'nothing found' : 'FOUND'}`)
    console.log(result.output.split('\n').slice(-12).join('\n'))
    if (!result.ok) process.exitCode = 1
  }
}
