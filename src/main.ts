#!/usr/bin/env -S MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=65536 node --max-semi-space-size=1 --heap-growing-percent=20 --no-allocation-site-pretenuring --no-memory-reducer
// The settings: decisions 0044, 0126, 0133 and 0134.
import { dispatch } from './cli/dispatch.js'
import { outputOf, writeError } from './cli/terminal.js'
import { ExitCode } from './errors.js'
import { isJournalStream } from './util/journal-stream.js'

// A reader that has gone away (`unitscope components | head -1`) is no error. A running agent stops in order; anything else
// has nothing left to do.
let readerGone = false
let stopInOrder = (): void => process.exit(ExitCode.ok)
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (readerGone) return
  readerGone = true
  if (error.code !== 'EPIPE') {
    process.stderr.write(`unitscope: cannot write to standard output: ${error.message}\n`)
    process.exit(ExitCode.failure)
  }
  stopInOrder()
})
process.stderr.on('error', () => {})

const err = outputOf(process.stderr, process.env, isJournalStream(2, process.env))
const code = await dispatch(process.argv.slice(2), {
  terminal: { out: outputOf(process.stdout, process.env), err },
  env: process.env,
  onOutputGone: (stop) => {
    stopInOrder = stop
  },
  exitNow: (now) => process.exit(now),
}).catch((error: unknown) => {
  writeError(err, `unitscope: a bug: ${error instanceof Error ? error.stack : String(error)}\n`)
  return ExitCode.failure
})

// What was printed must be out before the process ends; the turn lets a write that failed be told of.
await new Promise((resolve) => setImmediate(resolve))
if (!readerGone && process.stdout.writableLength > 0) {
  await new Promise((resolve) => process.stdout.write('', resolve))
}
process.exit(code)
