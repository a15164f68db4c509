import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot, waitFor } from '../lab/lab.js'
import { startProgram } from './agent.js'

// What `npm pack` makes of the build, installed into an empty folder without a network: it needs nothing else.

const folder = mkdtempSync(join(tmpdir(), 'unitscope-pack-'))
const installed = join(folder, 'node_modules/unitscope')
const run = (file: string, ...argv: string[]) => promisify(execFile)(file, argv, { cwd: folder })
const unitscope = (...argv: string[]) => run(join(folder, 'node_modules/.bin/unitscope'), ...argv)

beforeAll(async () => {
  await run('npm', 'pack', packageRoot, '--ignore-scripts', '--silent')
  writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}')
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }
  await run('npm', 'install', `./unitscope-${version}.tgz`, '--offline', '--omit=dev', '--no-audit', '--no-fund')
})
afterAll(() => rmSync(folder, { recursive: true }))

test('validates its pipelines, and has its addon', async () => {
  const { stdout } = await unitscope('validate', '--config', join(installed, 'pipelines/host.yaml'))
  expect(stdout).toMatch(/^OK /)
  const components = JSON.parse((await unitscope('components', '--json')).stdout) as {
    type: string
    unavailable?: string
  }[]
  expect(components.find(({ type }) => type === 'replay')).not.toHaveProperty('unavailable')
})

test('plays its recording', async () => {
  const agent = startProgram(
    join(folder, 'node_modules/.bin/unitscope'),
    ['run', '--config', join(installed, 'pipelines/replay.yaml')],
    { UNITSCOPE_RECORDING: join(installed, 'test/fixtures/recordings/lab.usrec.gz'), UNITSCOPE_SPEED: 'max' },
  )
  try {
    await waitFor('the failure', () => /database\.service +✗ failed/.test(agent.stdout))
    expect(await agent.stop()).toMatchObject({ code: 0 })
  } finally {
    await agent.stop('SIGKILL')
  }
})

test('names the licence of each package whose code it carries', () => {
  const text = readFileSync(join(installed, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8')
  for (const name of ['yaml', '@marcbachmann/cel-js'])
    expect(text).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(.+\\)$`, 'm'))
  expect(text).not.toContain('dbus-next') // which tests and benchmarks compare with
})

test('a component of somebody else type-checks against it, and runs', async () => {
  writeFileSync(
    join(folder, 'shout.ts'),
    `import { batchOf, createTestConfig, ok, testSettings, type Consumer, type ObjectSchema, type Processor, type ConfigOf } from 'unitscope'
const schema = {
  type: 'object',
  description: 'Makes names loud.',
  properties: { suffix: { type: 'string', default: '!', description: 'Put behind each name.' } },
} as const satisfies ObjectSchema
export const createShout = (config: ConfigOf<typeof schema>, next: Consumer): Processor => ({
  start: async () => {},
  shutdown: async () => {},
  consume: (batch) => next.consume({ ...batch, events: batch.events.map((event) => ({ ...event, name: event.name + config.suffix })) }),
})
const outcome = await createShout(createTestConfig(schema), { consume: async () => ok }).consume(batchOf({}))
console.log(outcome.kind, typeof testSettings)
`,
  )
  mkdirSync(join(folder, 'node_modules/@types'), { recursive: true })
  symlinkSync(join(packageRoot, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'))
  const strict = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node']
  const tsc = join(packageRoot, 'node_modules/.bin/tsc')
  const checked = await run(tsc, ...strict, 'shout.ts').catch((error: { stdout: string }) => error)
  expect(checked.stdout).toBe('')
  expect((await run(process.execPath, 'shout.js')).stdout).toBe('ok function\n')
})
