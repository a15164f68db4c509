#!/usr/bin/env node
// run.mjs [TEXT]: builds and runs the C++ tests (those whose name holds TEXT): as the addon is built, under ASan with
// UBSan (those that compare with libdbus, too), and under TSan those of several threads; then the fuzz targets: each over its
// corpus, and each for a bounded time.
// Prints one line `VARIANT: N tests, N failed` for each, and what failed. UPDATE_GOLDEN=1 writes test/golden/batch anew.
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { configure } from '../../native/build.mjs'
import { fuzz, replay } from '../fuzz/fuzz.mjs'
import { coverage, forgetCoverage } from './coverage.mjs'
import { hasPackage, make, root, run, variants } from './variants.mjs'

const wanted = process.argv[2] ?? ''
/** Of libFuzzer: enough to go some way beyond the corpus, the same way each time. */
const kFuzzRuns = 15_000
const kFuzzSeconds = 2

/** Tests that start threads say so in their names (binding.gyp looks for it too); the others only cost time under TSan. */
const kThreads = 'threads:'

let failed = false
let matched = false

function report(name, { ok, output }) {
  const lines = output.trim().split('\n')
  const isSummary = (line) => /^\d+ tests, \d+ failed$/.test(line)
  // Each summary once, and with its variant's name: they are added up.
  if (!ok) console.log(lines.filter((line) => !isSummary(line)).join('\n'))
  // Without a summary the program ended before its end: one test, the one it was in, failed.
  const summary = lines.find(isSummary) ?? '1 tests, 1 failed'
  console.log(`${name}: ${summary}`)
  failed ||= !ok
}

/** What runs beside the next build: most of a run is waiting, and a build has a program per core. */
const running = []

/** Builds a variant's test program, or another target of it called `part`, and starts it. */
async function test(name, filter, part = '') {
  const { target, program } = variants[name]
  const wantedTarget = part === '' ? target : `unitscope_${part}_tests`
  const label = part === '' ? name : `${name} ${part}`
  const built = await make(name, wantedTarget)
  if (!built.ok) return report(label, built)
  const path = `${root}${program.replace(/[^/]+$/, wantedTarget)}`
  // TSan's shadow memory does not find its place under every kernel's address randomisation.
  const argv = name === 'tsan' ? ['setarch', '--addr-no-randomize', path] : [path]
  const ran = async () => {
    const result = await run([...argv, filter, wanted], { UBSAN_OPTIONS: 'print_stacktrace=1' })
    // A text asked for need not be in every program's names, but in one's.
    if (wanted !== '' && /^0 tests, 0 failed$/m.test(result.output)) return
    matched = true
    report(label, result)
  }
  running.push(ran())
}

/** The core must be testable without Node: no symbol of Node-API or of V8 is asked for. */
async function checkLinkage() {
  const { ok, output } = await run(['nm', '--undefined-only', '--demangle', variants.plain.program])
  const foreign = output.split('\n').filter((line) => /\bnapi_|\bnode_api_|\bv8::|\bnode::|\buv_/.test(line))
  const clean = ok && foreign.length === 0
  report('linkage', { ok: clean, output: `${foreign.join('\n')}\n1 tests, ${clean ? 0 : 1} failed` })
}

/** Every test in a file that starts threads must say so in its name, or TSan would never see it. */
function checkThreadTests() {
  const starts = /std::thread|pthread_create|"support\/fake_bus\.h"|"runtime\/(bus_reader|cgroup_sampler)\.h"/
  const files = readdirSync(`${root}test/native`, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('_test.cc'),
  )
  const unnamed = files.flatMap((file) => {
    const text = readFileSync(`${root}test/native/${file}`, 'utf8')
    if (!starts.test(text)) return []
    return [...text.matchAll(/const (?:test::)?Test k\w+\{"(?!threads:)([^"]*)"/g)].map(
      ([, name]) => `${file}: "${name}" is not called "${kThreads} ..."`,
    )
  })
  const ok = unnamed.length === 0
  report('thread tests', { ok, output: `${unnamed.join('\n')}\n1 tests, ${ok ? 0 : 1} failed` })
}

function checkCoverage() {
  const { ok, summary, output } = coverage()
  console.log(summary)
  report('coverage', { ok, output: `${output}\n1 tests, ${ok ? 0 : 1} failed` })
}

async function fuzzAll() {
  const limits = { runs: kFuzzRuns, seconds: kFuzzSeconds, jobs: availableParallelism() }
  for (const [name, result] of await fuzz([], limits)) {
    if (result.skipped) console.log(`skipped: ${name} (${result.skipped})`)
    else report(`fuzz ${name}`, { ok: result.ok, output: `${result.output}\n1 tests, ${result.ok ? 0 : 1} failed` })
  }
}

const configured = await configure()
if (!configured.ok) report('configure', configured)
else {
  forgetCoverage()
  await test('plain', '')
  await checkLinkage()
  await test('asan+ubsan', '')
  if (hasPackage('dbus-1')) await test('asan+ubsan', '', 'oracle')
  else console.log('skipped: tests against libdbus (no libdbus-1-dev)')
  checkThreadTests()
  await test('tsan', kThreads)
  await Promise.all(running)
  if (!matched && !failed) report('tests', { ok: false, output: `no test is called "${wanted}"` })
  if (wanted === '') {
    report('corpus', await replay())
    checkCoverage()
    await fuzzAll()
  }
}
process.exitCode = failed ? 1 : 0
