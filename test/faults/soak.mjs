#!/usr/bin/env node
// `npm run test:soak`: the rows of this folder and the model of the queue, as often as the matrix wants them.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const env = { ...process.env, UNITSCOPE_FAULTS: 'long', UNITSCOPE_RUNS: '100000' }
const runs = [
  ['--project', 'faults'],
  ['--project', 'unit', 'test/unit/lib/queue', '--testTimeout', '3600000'],
]
for (const argv of runs) {
  const { status } = spawnSync(`${root}node_modules/.bin/vitest`, ['run', ...argv], {
    cwd: root,
    env,
    stdio: 'inherit',
  })
  if (status !== 0) process.exitCode = 1
}
