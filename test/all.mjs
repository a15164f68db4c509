#!/usr/bin/env node
// `npm test`: sets up what the machine lacks, builds, checks and tests everything, both languages, the lab included.
// Stops at the first stage that fails (build and checks are one, all tests are one) and shows what failed steps printed. The last
// line counts all tests: "N passed, N failed, N skipped"; each skip is named with its reason.
import { mkdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { forbiddenSkips } from './setup/skips.mjs'
import { runStep } from './setup/steps.mjs'
import { tallyNative, tallyVitest } from './setup/tally.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const results = `${root}build/test-results`
const bin = (name) => `${root}node_modules/.bin/${name}`
const node = process.execPath

const vitest = (project, projects = project) => ({
  name: `tests: ${project}`,
  argv: [bin('vitest'), 'run', '--project', projects, '--reporter=default', '--reporter=json'].concat(
    `--outputFile.json=${results}/${project}.json`,
  ),
  tally: () => tallyVitest(`${results}/${project}.json`),
})

const nice = (step) => ({ ...step, argv: ['nice', '-n', '5', ...step.argv] })

const steps = [
  { name: 'packages', argv: [node, 'test/setup/install.mjs'] },
  [
    [{ name: 'build', argv: ['npm', 'run', '--silent', 'build'] }],
    [
      { name: 'lint', argv: [bin('biome'), 'check', '.'] },
      { name: 'type-check', argv: [bin('tsc'), '-p', 'test/tsconfig.json', '--noEmit'] },
    ],
  ],
  // Three lanes that take about as long on two cores: those of the labs, of the VMs, which share nothing with what runs beside
  // them, and of what takes all the CPU it gets.
  [
    [{ ...vitest('lab'), mustRun: true }],
    [
      { ...vitest('vm'), mustRun: true },
      { ...vitest('faults'), mustRun: true },
      { ...vitest('agent'), mustRun: true },
    ],
    [
      nice(vitest('unit', 'unit*')),
      nice({ name: 'tests: native', argv: [node, 'test/native/run.mjs'], tally: tallyNative }),
    ],
  ],
]

const total = { passed: 0, failed: 0, skipped: 0, skips: [] }
rmSync(results, { recursive: true, force: true })
mkdirSync(results, { recursive: true })

let begun = 0
const count = steps.flat(2).length

/** Steps one after the other, all of them: that one fails says nothing of the next. False when one has. */
async function inTurn(lane) {
  let passed = true
  for (const step of lane) if (!(await run(step, `[${++begun}/${count}] ${step.name}`))) passed = false
  return passed
}

for (const stage of steps) {
  const lanes = Array.isArray(stage) ? stage : [[stage]]
  const verdicts = await Promise.all(lanes.map(inTurn))
  if (verdicts.includes(false)) {
    process.exitCode = 1
    break
  }
}

/** Runs a step and shows how it went; with what it printed, where it failed. */
async function run({ argv, tally, mustRun }, title) {
  console.log(`${title} ...`)
  const { ok, output, seconds } = await runStep(argv, root)
  const tallied = tally?.(output)
  if (tallied !== undefined) {
    for (const key of ['passed', 'failed', 'skipped']) total[key] += tallied[key]
    total.skips.push(...tallied.skips)
  }
  const forbidden = mustRun ? forbiddenSkips(tallied.skips, process.env) : []
  const passed = ok && !tallied?.failed && forbidden.length === 0
  const { passed: good, failed: bad, skipped: left } = tallied ?? {}
  const tests = tallied === undefined ? '' : `, ${good} passed, ${bad} failed, ${left} skipped`
  console.log(`${title}: ${passed ? 'ok' : 'FAILED'} (${seconds.toFixed(1)} s${tests})`)
  if (!passed) {
    console.log(output)
    for (const skip of forbidden)
      console.log(`CI=true, and skipped for a reason that test/setup/skips.mjs does not allow: ${skip}`)
    if (!tallied?.failed) total.failed++
  }
  return passed
}

for (const skip of total.skips) console.log(`skipped: ${skip}`)
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
