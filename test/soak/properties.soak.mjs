// `npm test` tries each property with the values of one seed, so that it says the same each time; here with those of others.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runStep } from '../setup/steps.mjs'

export const about = 'all property tests with the values of other seeds, round after round'
export const usage = `  --rounds N     this many seeds (20; a round takes about a minute)
  --seed N       the first of them (by chance); the next is one more`

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Beside a loaded machine, and where a property shrinks what it found. */
const kTestLimitMs = 600_000

const withProperties = () =>
  readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' })
    .filter((path) => /^(unit|contract|golden)\/.*\.test\.ts$/.test(path))
    .map((path) => `test/${path}`)
    .filter((path) => /\bfc\.(assert|check)\(/.test(readFileSync(`${root}${path}`, 'utf8')))
    .sort()

export async function soak(argv) {
  const { values } = parseArgs({ args: argv, options: { rounds: { type: 'string' }, seed: { type: 'string' } } })
  const rounds = whole('--rounds', values.rounds ?? '20', 1)
  const first = whole('--seed', values.seed ?? String(Math.floor(Math.random() * 1e9)), 0)
  const files = withProperties()
  const vitest = [`${root}node_modules/.bin/vitest`, 'run', '--project', 'unit*', '--testTimeout', String(kTestLimitMs)]
  let failed = 0
  for (let round = 0; round < rounds; round++) {
    const seed = first + round
    const argv = ['env', `UNITSCOPE_SEED=${seed}`, ...vitest, ...files]
    const { ok, output, seconds } = await runStep(argv, root)
    // Set where a signal has ended the round: what it found by then is nothing.
    if (process.exitCode !== undefined) {
      console.log(`ended after ${round} of ${rounds} rounds`)
      return false
    }
    console.log(`seed ${seed}, ${files.length} files: ${ok ? 'nothing found' : 'FOUND'} (${seconds.toFixed(0)} s)`)
    if (ok) continue
    failed++
    console.log(output)
    console.log(`again: UNITSCOPE_SEED=${seed} npx vitest run --project 'unit*' FILE`)
  }
  console.log(`${rounds} rounds, ${failed} with something found`)
  return failed === 0
}

function whole(option, text, least) {
  if (!/^\d{1,9}$/.test(text) || Number(text) < least) throw new RangeError(`${option} ${text}: a number from ${least}`)
  return Number(text)
}
