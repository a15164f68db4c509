#!/usr/bin/env node
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { commandLine } from '../test/support/command-line.mjs'
import { setDataFolder } from './lib/data.mjs'
import { describeCommit, describeMachine, describeVersions, root } from './lib/machine.mjs'
import { kMaxOtherPercent, measure } from './lib/measure.mjs'
import { basis, plain, tableOf, verdictTableOf } from './lib/page.mjs'
import { loadCases, save, writePage } from './lib/suite.mjs'

const help = `usage: npm run bench -- [options] [CASE...]

Measures the product and what people use today by turns, in one run: all cases, or those named
(an hour of delivery-soak only when it is named).
Appends the result of each to bench/history/ and makes the figures of bench/README.md anew.

  --list        the cases, and why one cannot run here
  --quick       a short look: fewer rounds, shorter runs, nothing is kept
  --once        the least work, one round, not warmed up; shows that a case works, and no figure
  --check       exit code 1 also when a gate is missed, or was not measured on a quiet machine
  --no-save     keep nothing
  --data DIR    of data that the repository does not hold: the Numenta Anomaly Benchmark, for the case nab
  --json FILE   write the results of this run to FILE as well
  --page        only make the figures of bench/README.md anew, from the history
  --help        this text

Some cases need root (they boot a systemd, or give a bus a /run of its own); they say so.
`

const { values: options, positionals } = commandLine(help, {
  list: { type: 'boolean', default: false },
  quick: { type: 'boolean', default: false },
  once: { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
  'no-save': { type: 'boolean', default: false },
  data: { type: 'string' },
  json: { type: 'string' },
  page: { type: 'boolean', default: false },
})

// By way of the hooks that end what was started.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
])
  process.once(signal, () => process.exit(code))

setDataFolder(options.data)
process.exitCode = await main()

async function main() {
  const cases = await loadCases()
  const unknown = positionals.filter((name) => !cases.some(({ id }) => id === name))
  if (unknown.length > 0) {
    console.error(`no such case: ${unknown.join(', ')}; there are ${cases.map(({ id }) => id).join(', ')}`)
    return 64
  }
  if (options.list) {
    for (const { id, question, takes, unavailable } of cases) {
      const reason = unavailable?.()
      const named = takes === undefined ? '' : ` (takes ${takes}: only when named)`
      console.log(`${id.padEnd(16)} ${question}${named}${reason === undefined ? '' : ` (not here: ${reason})`}`)
    }
    return 0
  }
  if (options.page) {
    writePage(cases)
    return 0
  }
  if (!existsSync(`${root}build/js/binding/native.js`)) {
    console.error('build first: npm run build')
    return 1
  }
  const chosen = cases.filter(({ id, takes }) =>
    positionals.length === 0 ? takes === undefined : positionals.includes(id),
  )
  // What a baseline needs. Without it its rows say what is missing, and the others are measured.
  spawnSync(process.execPath, ['test/setup/install.mjs', 'build', 'lab', 'bench'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return await runAll(cases, chosen)
}

async function runAll(cases, chosen) {
  const surroundings = { machine: describeMachine(), versions: describeVersions(), ...describeCommit() }
  const entries = []
  let failed = false
  for (const benchmark of chosen) {
    console.log(`${benchmark.id}: ${benchmark.question}`)
    const reason = benchmark.unavailable?.()
    if (reason !== undefined) {
      console.log(`skipped: ${reason}\n`)
      failed ||= options.check
      continue
    }
    try {
      const entry = await runOne(benchmark, surroundings)
      entries.push(entry)
      report(benchmark, entry)
      failed ||= options.check && (entry.noisy || entry.verdicts.some(({ outcome }) => outcome === 'missed'))
    } catch (error) {
      clearProgress()
      console.error(`failed: ${error instanceof Error ? error.stack : error}\n`)
      failed = true
    }
  }
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(entries, undefined, 2)}\n`)
  if (kept()) writePage(cases)
  return failed ? 1 : 0
}

async function runOne(benchmark, surroundings) {
  const date = new Date().toISOString()
  const result = await measure(benchmark, { quick: options.quick || options.once, once: options.once, progress })
  clearProgress()
  const entry = { id: benchmark.id, date, command: `npm run bench -- ${benchmark.id}`, ...surroundings, ...result }
  if (kept()) save(entry)
  return entry
}

/** A short look is no result. */
function kept() {
  return !options.quick && !options.once && !options['no-save']
}

function report(benchmark, entry) {
  console.log(plain(tableOf(benchmark, entry.rows)))
  if (entry.verdicts.length > 0) console.log(`\n${plain(verdictTableOf(benchmark, entry.verdicts))}`)
  const { rounds, seconds, otherCpuPercent, stealPercent, noisy } = entry
  console.log(`\n${basis(rounds)}; ${seconds} s; other processes ${otherCpuPercent} %, hypervisor ${stealPercent} %`)
  if (noisy)
    console.log(`NOT QUIET: others took more than ${kMaxOtherPercent} % of the CPUs; these figures do not count`)
  console.log()
}

function progress(text) {
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${text.slice(0, (process.stdout.columns ?? 80) - 1)}`)
}

function clearProgress() {
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[K')
}
