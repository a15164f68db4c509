#!/usr/bin/env node
// run.mjs [TEXT]: builds and runs the C++ tests (those whose name holds TEXT): as the addon is built, under ASan with
// UBSan, and under TSan those of several threads; then each fuzz target over its corpus, for a bounded time.
// Prints one line `VARIANT: N tests, N failed` for each, and what failed. UPDATE_GOLDEN=1 writes test/golden/batch anew.
import { availableParallelism } from 'node:os'
import { configure } from '../../native/build.mjs'
import { fuzz } from '../fuzz/fuzz.mjs'
import { make, root, run, variants } from './variants.mjs'

const wanted = process.argv[2] ?? ''
/** Of libFuzzer: enough to go some way beyond the corpus, the same way each time. */
const kFuzzRuns = 100_000
const kFuzzSeconds = 10

/** Tests that start threads say so in their names (binding.gyp looks for it too); the others only cost time under TSan. */
const kThreads = 'threads:'

let failed = false

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

async function test(name, filter) {
  const { target, program } = variants[name]
  const built = await make(name, target)
  if (!built.ok) return report(name, built)
  // TSan's shadow memory does not find its place under every kernel's address randomisation.
  const argv = name === 'tsan' ? ['setarch', '--addr-no-randomize', `${root}${program}`] : [`${root}${program}`]
  report(name, await run([...argv, filter, wanted], { UBSAN_OPTIONS: 'print_stacktrace=1' }))
}

/** The core must be testable without Node: no symbol of Node-API or of V8 is asked for. */
async function checkLinkage() {
  const { ok, output } = await run(['nm', '--undefined-only', '--demangle', variants.plain.program])
  const foreign = output.split('\n').filter((line) => /\bnapi_|\bnode_api_|\bv8::|\bnode::|\buv_/.test(line))
  const clean = ok && foreign.length === 0
  report('linkage', { ok: clean, output: `${foreign.join('\n')}\n1 tests, ${clean ? 0 : 1} failed` })
}

const configured = await configure()
if (!configured.ok) report('configure', configured)
else {
  await test('plain', '')
  await checkLinkage()
  await test('asan+ubsan', '')
  await test('tsan', kThreads)
  if (wanted === '') {
    const limits = { runs: kFuzzRuns, seconds: kFuzzSeconds, jobs: availableParallelism() }
    for (const [name, result] of await fuzz([], limits)) {
      if (result.skipped) console.log(`skipped: ${name} (${result.skipped})`)
      else report(name, { ok: result.ok, output: `${result.output}\n1 tests, ${result.ok ? 0 : 1} failed` })
    }
  }
}
process.exitCode = failed ? 1 : 0
