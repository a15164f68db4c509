#!/usr/bin/env node
// `npm test`: sets up what the machine lacks, builds, checks and tests everything, both languages, the lab included.
// Stops at the first step that fails and shows what it printed. The last line counts all tests:
// "N passed, N failed, N skipped"; each skip is named with its reason.
import { mkdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { forbiddenSkips } from './setup/skips.mjs'
import { runStep } from './setup/steps.mjs'
import { tallyNative, tallyVitest } from './setup/tally.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const results = `${root}build/test-results`
const bin = (name) => `${root}node_modules/.bin/${name}`
const node = process.execPath

const vitest = (project) => ({
  name: `tests: ${project}`,
  argv: [bin('vitest'), 'run', '--project', project, '--reporter=default', '--reporter=json'].concat(
    `--outputFile.json=${results}/${project}.json`,
  ),
  tally: () => tallyVitest(`${results}/${project}.json`),
})

const steps = [
  { name: 'packages', argv: [node, 'test/setup/install.mjs'] },
  { name: 'build', argv: ['npm', 'run', '--silent', 'build'] },
  { name: 'lint', argv: [bin('biome'), 'check', '.'] },
  { name: 'type-check', argv: [bin('tsc'), '-p', 'test/tsconfig.json', '--noEmit'] },
  { name: 'tests: native', argv: [node, 'test/native/run.mjs'], tally: tallyNative },
  vitest('unit'),
  { ...vitest('lab'), mustRun: true },
]

const total = { passed: 0, failed: 0, skipped: 0, skips: [] }
rmSync(results, { recursive: true, force: true })
mkdirSync(results, { recursive: true })

for (const [index, { name, argv, tally, mustRun }] of steps.entries()) {
  process.stdout.write(`[${index + 1}/${steps.length}] ${name} ... `)
  const { ok, output, seconds } = await runStep(argv, root)
  const count = tally?.(output)
  if (count !== undefined) {
    for (const key of ['passed', 'failed', 'skipped']) total[key] += count[key]
    total.skips.push(...count.skips)
  }
  const forbidden = mustRun ? forbiddenSkips(count.skips, process.env) : []
  const passed = ok && !count?.failed && forbidden.length === 0
  const tests = count === undefined ? '' : `, ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`
  console.log(`${passed ? 'ok' : 'FAILED'} (${seconds.toFixed(1)} s${tests})`)
  if (!passed) {
    console.log(output)
    for (const skip of forbidden)
      console.log(`CI=true, and skipped for a reason that test/setup/skips.mjs does not allow: ${skip}`)
    if (!count?.failed) total.failed++
    process.exitCode = 1
    break
  }
}

for (const skip of total.skips) console.log(`skipped: ${skip}`)
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
