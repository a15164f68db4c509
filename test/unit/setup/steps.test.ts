import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'

// A step of `npm test` ends with all it started: at its own end, at its limit, and when the run is broken off.

const steps = pathToFileURL(resolve(import.meta.dirname, '../../setup/steps.mjs')).href

/** Runs a shell script as a step, in a process of its own. */
async function runScript(script: string, limitMs: number) {
  const program = `
    import { runStep } from '${steps}'
    const script = ${JSON.stringify(script)}
    const { ok, output } = await runStep(['/bin/sh', '-c', script], '/', ${limitMs})
    console.log(JSON.stringify({ ok, output }))`
  const runner = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  runner.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  await new Promise((done) => runner.once('close', done))
  return JSON.parse(text) as { ok: boolean; output: string }
}

/** Gone, or dead and not yet collected. */
function isGone(pid: number): boolean {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return true
  }
}

/** Who was killed has to run once more to be gone: when that is, is up to the machine. */
async function gone(pid: number): Promise<void> {
  while (!isGone(pid)) await new Promise((resolve) => setTimeout(resolve, 20))
}

const child = 'sleep 1000 & echo $!'

test('a step that ended is not waited for by what it left behind, and takes it along', async () => {
  const { ok, output } = await runScript(child, 60_000)
  expect(ok).toBe(true)
  await gone(Number(output))
})

test('a step that hangs is ended at its limit, with its children', async () => {
  const { ok, output } = await runScript(`${child}; wait`, 500)
  expect(ok).toBe(false)
  expect(output).toContain('no end after 0.5 s: ended by force')
  await gone(Number.parseInt(output, 10))
})

test('a run that is broken off leaves nothing', async () => {
  const told = `${child}; kill -TERM $PPID; wait`
  const { ok, output } = await runScript(told, 60_000)
  expect(ok).toBe(false)
  await gone(Number(output))
})
