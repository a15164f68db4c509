import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Output } from '../../../src/cli/terminal.js'
import { command } from '../../../src/cli/validate.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unitscope-validate-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

interface Options {
  readonly json?: boolean
  readonly color?: boolean
  readonly env?: Record<string, string>
}

/** Runs the command on a file and gives what it said; the folder's name is left out. */
async function validate(yaml: string | undefined, { json = false, color = false, env = {} }: Options = {}) {
  const file = join(folder, 'agent.yaml')
  if (yaml !== undefined) writeFileSync(file, yaml, { mode: 0o600 })
  const written = { out: '', err: '' }
  const output = (name: 'out' | 'err'): Output => ({
    write: (text) => {
      written[name] += text.replaceAll(`${folder}/`, '')
    },
    isTty: color,
    columns: 80,
    color,
  })
  const code = await command.run({
    values: { config: file, ...(json ? { json } : {}) },
    operands: [],
    commands: async () => [],
    terminal: { out: output('out'), err: output('err') },
    env,
    onOutputGone: () => {},
    exitNow: () => {
      throw new Error('validate does not end the process')
    },
  })
  return { code, ...written }
}

const good = `receivers:
  systemd:
  self_telemetry:
processors:
  batch:
exporters:
  debug:
service:
  pipelines:
    logs: { receivers: [systemd], processors: [batch], exporters: [debug] }
    all: { receivers: [systemd, self_telemetry], exporters: [debug] }
`

test('a good file: OK, the pipelines, exit 0', async () => {
  expect(await validate(good)).toEqual({
    code: 0,
    out: `OK agent.yaml
  logs  logs                 systemd -> batch -> debug
  all   logs+metrics+traces  systemd, self_telemetry -> debug
`,
    err: '',
  })
})

test('a bad file: all problems on standard error, exit 78', async () => {
  const bad = good.replace('batch]', 'bach]').replace('debug:\n', 'debug: { verbosity: loud }\n')
  expect(await validate(bad)).toEqual({
    code: 78,
    out: '',
    err: `error: agent.yaml:7:23 exporters.debug.verbosity: "loud" is not one of basic, normal, detailed
error: agent.yaml:10:48 service.pipelines.logs.processors[0]: "bach" is not defined: did you mean "batch"?
2 problems in agent.yaml
`,
  })
})

test('warnings are said and change nothing', async () => {
  const { code, out, err } = await validate(good.replace('batch:\n', 'batch:\n  lifecycle_spans:\n'))
  expect(code).toBe(0)
  expect(out).toMatch(/^OK agent.yaml\n/)
  expect(err).toBe(
    'warning: agent.yaml:6:3 processors.lifecycle_spans: is defined but not used: no pipeline names it\n',
  )
})

test('a file that is not there', async () => {
  const { code, err } = await validate(undefined)
  expect(code).toBe(78)
  expect(err).toContain('error: agent.yaml:1:1 the configuration file does not exist\n')
})

test('--json is one object on standard output, good or bad', async () => {
  const fine = await validate(good.replace('debug:\n', 'debug: { verbosity: "${env:V}" }\n'), {
    json: true,
    env: { V: 'basic' },
  })
  expect(fine).toMatchObject({ code: 0, err: '' })
  expect(JSON.parse(fine.out)).toEqual({
    ok: true,
    file: 'agent.yaml',
    pipelines: [
      { id: 'logs', signals: ['logs'], receivers: ['systemd'], processors: ['batch'], exporters: ['debug'] },
      {
        id: 'all',
        signals: ['logs', 'metrics', 'traces'],
        receivers: ['systemd', 'self_telemetry'],
        processors: [],
        exporters: ['debug'],
      },
    ],
    warnings: [],
  })
  const bad = await validate('receivers: 5', { json: true })
  expect(bad).toMatchObject({ code: 78, err: '' })
  expect(JSON.parse(bad.out)).toMatchObject({
    ok: false,
    problems: [
      { code: 'CFG_VALUE', key: 'service.pipelines' },
      { code: 'CFG_TYPE', file: 'agent.yaml', line: 1, column: 12, key: 'receivers' },
    ],
  })
})

test('colour only where it is wanted', async () => {
  expect((await validate(good, { color: true })).out).toContain('\x1b[32mOK\x1b[0m agent.yaml')
  expect((await validate('', { color: true })).err).toContain('\x1b[31merror:\x1b[0m agent.yaml:1:1 the file is empty')
})
