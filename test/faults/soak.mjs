#!/usr/bin/env node
// `npm run test:soak`: the rows of this folder and the model of the queue, as often as the matrix wants them: some two hours.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const env = { ...process.env, UNITSCOPE_FAULTS: 'long', UNITSCOPE_RUNS: '100000' }
/** Of the model alone: rows have seeds of their own, which the same variable would replace. */
const seed = process.env.UNITSCOPE_SEED ?? String(Math.floor(Math.random() * 1e9))
const vitest = [`${root}node_modules/.bin/vitest`, 'run']
// Beside each other: rows mostly wait, for backends that are away and disks that are slow, and the model takes what they leave.
const runs = {
  'rows of the fault matrix': [...vitest, '--project', 'faults'],
  'model of the queue': [
    ...['env', `UNITSCOPE_SEED=${seed}`, 'nice', '-n', '10', ...vitest, '--project', 'unit', 'test/unit/lib/queue'],
    ...['--testTimeout', String(6 * 3_600_000)],
  ],
}

/** Shows what a run prints as it comes; resolves with its exit code. */
function run([program, ...args]) {
  const child = spawn(program, args, { cwd: root, env, stdio: 'inherit' })
  return new Promise((resolve) => {
    child.once('error', (error) => {
      console.error(`${program}: ${error.message}`)
      resolve(1)
    })
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

console.log(`model of the queue: UNITSCOPE_SEED=${seed}`)
const begin = performance.now()
const verdicts = await Promise.all(
  Object.entries(runs).map(async ([name, argv]) => {
    const code = await run(argv)
    const minutes = ((performance.now() - begin) / 60_000).toFixed(1)
    return { code, line: `${name}: ${code === 0 ? 'ok' : `FAILED, exit code ${code}`} (${minutes} min)` }
  }),
)
for (const { line } of verdicts) console.log(line)
if (verdicts.some(({ code }) => code !== 0)) process.exitCode = 1
