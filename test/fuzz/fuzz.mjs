#!/usr/bin/env node
// fuzz.mjs [--seconds N] [TARGET...]: builds the fuzz targets with clang's libFuzzer, ASan and UBSan, and runs each for N
// seconds (60). What it finds new goes to build/native/fuzz/corpus/, a crash to build/native/fuzz/TARGET-crash-*. See README.md.
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { configure } from '../../native/build.mjs'
import { hasProgram, make, root, run, variants } from '../native/variants.mjs'
import { commandLine } from '../support/command-line.mjs'

const kCompiler = variants.fuzz.env.CXX
const help = `usage: npm run fuzz -- [--seconds N] [TARGET...]

Builds the fuzz targets with clang's libFuzzer, ASan and UBSan, and runs each, or those named, for N seconds (60), two at a time.
What it finds new stays in build/native/fuzz/corpus/, a crash in build/native/fuzz/TARGET-crash-*; test/fuzz/README.md says more.
`

/** An input that takes longer is a finding: the largest takes microseconds. */
const kSlowSeconds = 5
const kMaxMb = 512

const targets = readdirSync(`${root}test/fuzz`)
  .filter((file) => /^fuzz_.*\.cc$/.test(file))
  .map((file) => basename(file, '.cc').replace('fuzz_', ''))

/**
 * Of the inputs of a target that says so, how many must get past a message's header: else its mutator keeps no lengths. Half of
 * the seeds are wrong in the header, and what is made of them stays so.
 */
const kPastHeader = 0.15

/**
 * @param {readonly string[]} names  all targets when there are none
 * @param {{runs?: number, seconds: number, jobs: number}} limits  with `runs`, the seed is fixed and nothing found is kept
 * @returns {Promise<[string, {ok: boolean, output: string, skipped?: string}][]>}
 */
export async function fuzz(names, limits) {
  if (!hasProgram(kCompiler)) return [['fuzz targets', { ok: true, output: '', skipped: `no ${kCompiler}` }]]
  const built = await make('fuzz', variants.fuzz.target)
  if (!built.ok) return [['fuzz targets', built]]
  const results = []
  const queue = names.length > 0 ? [...names] : [...targets]
  const work = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      results.push([name, judge(await fuzzOne(name, limits))])
    }
  }
  await Promise.all(Array.from({ length: limits.jobs }, work))
  return results.sort(([a], [b]) => a.localeCompare(b))
}

/** Targets that take another one's inputs. */
const corpora = { dbus_oracle: 'dbus_message', dbus_known: 'dbus_message' }

/** Bytes of an input, where longer ones only take longer: lists of actions, and texts. */
const longest = { ring: 512, unit_table: 512, unit_filter: 512, unit_path: 512 }

/** Runs the committed corpus through every target once, built by the compiler that is always there. */
export async function replay() {
  const built = await make('asan+ubsan', 'unitscope_fuzz_replay')
  if (!built.ok) return built
  const program = variants['asan+ubsan'].program.replace(/[^/]+$/, 'unitscope_fuzz_replay')
  return run([program], { ASAN_OPTIONS: 'abort_on_error=1', UBSAN_OPTIONS: 'abort_on_error=1:print_stacktrace=1' })
}

function fuzzOne(name, { runs, seconds }) {
  // libFuzzer writes what it finds new to the first folder: never to the committed seeds. A bounded run starts without any.
  const found = `build/native/fuzz/${runs === undefined ? 'corpus' : 'scratch'}/${name}`
  if (runs !== undefined) rmSync(`${root}${found}`, { recursive: true, force: true })
  mkdirSync(`${root}${found}`, { recursive: true })
  // One for all of a family: dbus.dict serves dbus_message and dbus_stream.
  const dictionary = `test/fuzz/${name.split('_', 1)[0]}.dict`
  return run([
    variants.fuzz.program,
    name,
    found,
    `test/fuzz/corpus/${corpora[name] ?? name}`,
    ...(runs === undefined ? [] : [`-runs=${runs}`, '-seed=1']),
    ...(existsSync(`${root}${dictionary}`) ? [`-dict=${dictionary}`] : []),
    ...(longest[name] === undefined ? [] : [`-max_len=${longest[name]}`]),
    `-max_total_time=${seconds}`,
    `-timeout=${kSlowSeconds}`,
    `-rss_limit_mb=${kMaxMb}`,
    `-artifact_prefix=build/native/fuzz/${name}-`,
    '-print_final_stats=1',
  ])
}

function judge({ ok, output }) {
  const [, past, all] = /^(\d+) of (\d+) inputs past the header/m.exec(output) ?? []
  const shallow = past !== undefined && Number(past) < kPastHeader * Number(all)
  return shallow ? { ok: false, output: `${output}\ntoo few inputs get past the header` } : { ok, output }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = commandLine(help, { seconds: { type: 'string', default: '60' } })
  const unknown = positionals.filter((name) => !targets.includes(name))
  if (unknown.length > 0) {
    console.error(`no such target: ${unknown.join(', ')}; there are ${targets.join(', ')}`)
    process.exit(64)
  }
  const configured = await configure()
  if (!configured.ok) throw new Error(configured.output)
  for (const [name, result] of await fuzz(positionals, { seconds: Number(values.seconds), jobs: 2 })) {
    console.log(`${name}: ${result.skipped ? `skipped: ${result.skipped}` : result.ok ? 'nothing found' : 'FOUND'}`)
    console.log(result.output.split('\n').slice(-12).join('\n'))
    if (!result.ok) process.exitCode = 1
  }
}
