import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { waitFor } from '../lab/lab.js'
import { freePort } from '../support/free-port.js'
import { agentMain, startAgent, Workspace } from './agent.js'

// The program as a person meets it whose night is short: what it says, and the code it ends with. No systemd is needed.

let workspace: Workspace
beforeEach(() => {
  workspace = new Workspace()
})
afterEach(() => workspace.remove())

/** Runs to the end; `stdout` may be a file descriptor. */
function unitscope(argv: readonly string[], stdout: 'pipe' | number = 'pipe', uid?: number) {
  const result = spawnSync(process.execPath, [agentMain, ...argv], {
    encoding: 'utf8',
    stdio: ['ignore', stdout, 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  return { code: result.status, out: result.stdout, err: result.stderr }
}

function config(exporters: object, receivers: object = { self_telemetry: {} }): object {
  const pipeline = { receivers: Object.keys(receivers), exporters: Object.keys(exporters) }
  return { receivers, exporters, service: { pipelines: { all: pipeline } } }
}

describe('standard output', () => {
  test('a reader that has seen enough (| head -1) is no error', () => {
    const script = `"$0" "$1" components --json | head -1; echo "\${PIPESTATUS[0]}"`
    const { stdout, stderr } = spawnSync('bash', ['-c', script, process.execPath, agentMain], { encoding: 'utf8' })
    expect(stdout).toBe('[\n0\n')
    expect(stderr).toBe('')
  })

  test('closed is no error either', () => {
    const script = `"$0" "$1" components >&-`
    const { status, stderr } = spawnSync('bash', ['-c', script, process.execPath, agentMain], { encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  test.each([[['components']], [['--help']]])('a full disk is told in one line: %j', (argv) => {
    const full = openSync('/dev/full', 'w')
    try {
      const { code, err } = unitscope(argv, full)
      expect(err).toMatch(/^unitscope: cannot write to standard output: ENOSPC: .*\n$/)
      expect(code).toBe(1)
    } finally {
      closeSync(full)
    }
  })

  test('an agent whose terminal is gone goes on, and says that it shows nothing', async () => {
    const file = workspace.writeConfig(config({ debug: {} }, { self_telemetry: { collection_interval: '1s' } }))
    const agent = spawn(process.execPath, [agentMain, 'run', '--config', file, '--for', '30s'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const exited = new Promise<number | null>((resolve) => agent.once('close', resolve))
    agent.stdout.destroy()
    let log = ''
    await new Promise<void>((resolve, reject) => {
      agent.stderr.setEncoding('utf8').on('data', (text: string) => {
        log += text
        if (log.includes('nothing can be shown any more')) resolve()
      })
      void exited.then(() => reject(new Error(`it ended:\n${log}`)))
    })
    agent.kill('SIGTERM')
    expect(await exited).toBe(0)
  })
})

describe('a configuration with many mistakes', () => {
  const secret = 'hunter2-Zx9-hunter2'
  const yaml = `receivers:
  systemd:
    unit_types: \${env:TOKEN}
    poll_intervall: 60s
exporters:
  otlp:
    endpoint: "http://\${env:TOKEN}:99999"
    headers:
      Bad Name: \${env:TOKEN}
      authorization: "\${env:TOKEN}\\n"
    timeout: \${env:TOKEN}
service:
  pipelines:
    logs: { receivers: [systemd, "\${env:TOKEN}"], exporters: [otpl] }
`
  const run = (...argv: string[]) =>
    spawnSync(process.execPath, [agentMain, ...argv, '--config', workspace.write('agent.yaml', yaml)], {
      encoding: 'utf8',
      env: { ...process.env, TOKEN: secret },
    })

  test('names them all at once, each at its place, and none of the secrets', () => {
    const { status, stdout, stderr } = run('run')
    expect({ status, stdout }).toEqual({ status: 78, stdout: '' })
    const lines = stderr.trimEnd().split('\n')
    expect(lines.pop()).toMatch(/^\d+ problems in \S+agent\.yaml$/)
    expect(lines.length).toBeGreaterThanOrEqual(5)
    for (const line of lines) expect(line).toMatch(/agent\.yaml:\d+:\d+ [\w./[\] ]+: .+/)
    expect(stderr).toContain('poll_intervall: is not a key here: did you mean "poll_interval"?')
    expect(stderr).toContain('"otpl" is not defined: did you mean "otlp"?')
    expect(stderr).not.toContain('hunter2')
  })

  test.each([[[]], [['--json']]])('validate says the same, %j', (flags) => {
    const { status, stdout, stderr } = run('validate', ...flags)
    expect(status).toBe(78)
    expect(stdout + stderr).toContain('did you mean')
    expect(stdout + stderr).not.toContain('hunter2')
  })
})

describe('a start that cannot be', () => {
  let taken: Server
  let port: number
  beforeEach(async () => {
    taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    port = (taken.address() as AddressInfo).port
  })
  afterEach(() => new Promise((resolve) => taken.close(resolve)))

  test('a port in use: which, and how to find who has it', async () => {
    const agent = startAgent([
      'run',
      '-c',
      workspace.writeConfig(config({ prometheus: { endpoint: `127.0.0.1:${port}` } })),
    ])
    expect((await agent.exited).code).toBe(1)
    const line = JSON.parse(agent.stderr.trimEnd().split('\n').at(-1)!) as Record<string, unknown>
    expect(line).toMatchObject({ level: 'error', message: 'could not start' })
    expect(JSON.stringify(line['error'])).toContain(`127.0.0.1:${port} is in use by another process`)
    expect(JSON.stringify(line['error'])).toContain('ss -ltnp')
  })
})

test('without a bus the agent runs, and says what it misses', async () => {
  const address = `unix:path=${workspace.path('no-bus')}`
  const file = workspace.writeConfig(config({ debug: {} }, { systemd: { address } }))
  const agent = startAgent(['run', '--config', file])
  await agent.logged(/"message":"degraded"/)
  expect(agent.stderr).toContain(`cannot connect to ${address}: No such file or directory (is the bus running?)`)
  expect((await agent.stop()).code).toBe(0)
})

// Root may read everything, so these need to be root to become somebody else.
const notRoot = process.getuid?.() === 0 ? '' : ' [skipped: not root, and so cannot become another user]'
test.skipIf(notRoot !== '')(`a file this user may not read: said, with the remedy, and exit 78${notRoot}`, () => {
  const file = workspace.writeConfig(config({ debug: {} }))
  chmodSync(workspace.folder, 0o755)
  for (const command of ['run', 'validate']) {
    const { code, err } = unitscope([command, '--config', file], 'pipe', 65534)
    expect(err).toContain(
      `${file}:1:1 the configuration file may not be read by this user (uid 65534): chown or chmod it`,
    )
    expect(code).toBe(78)
  }
  expect(unitscope(['validate', '--config', file])).toMatchObject({ code: 0, err: '' })
})

// As nobody, so that what it shows is a recording wherever no systemd runs.
test('a demo nobody looks at any more (| head -1) ends by itself, with its summary', () => {
  const { stdout, stderr } = spawnSync(
    'bash',
    ['-c', `"$0" "$1" demo --for 1h | head -1; echo "\${PIPESTATUS[0]}"`, process.execPath, agentMain],
    { encoding: 'utf8', timeout: 60_000, ...(process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}) },
  )
  expect(stdout).toMatch(/^\d\d:\d\d:\d\d\.\d{3} .*\n0\n$/)
  expect(stderr).toContain('What passed in ')
  expect(stderr).toContain('ledger ')
})

test('a demo whose shell was killed with it says what passed, once', async () => {
  const err = workspace.path('demo.err')
  const argv = [process.execPath, agentMain, 'demo', '--for', '1h']
  const asNobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
  writeFileSync(err, '', { mode: 0o666 })
  chmodSync(workspace.folder, 0o755)
  chmodSync(err, 0o666)
  // A group of its own; the shell waits for a demo in it, as npm does.
  const shell = spawn('bash', ['-c', `"$@" >/dev/null 2>>${err}; true`, 'bash', ...argv], {
    detached: true,
    stdio: 'ignore',
    ...asNobody,
  })
  const said = () => readFileSync(err, 'utf8')
  try {
    await waitFor('the demo to begin', () => said() !== '')
    process.kill(-shell.pid!, 'SIGTERM')
    await waitFor('the summary', () => said().includes('ledger '))
    expect(said()).not.toContain('ending at once')
    await waitFor('the end of all', () => !isThere(-shell.pid!))
  } finally {
    if (isThere(-shell.pid!)) process.kill(-shell.pid!, 'SIGKILL')
  }
})

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test.skipIf(notRoot !== '')(`a demo that may not boot a systemd says what would help${notRoot}`, () => {
  const { code, err } = unitscope(['demo', '--lab'], 'pipe', 65534)
  expect(err).toMatch(
    /^unitscope: none can be booted for the demo: needs root.*; as root it may: sudo npm run demo -- --lab\n$/,
  )
  expect(code).toBe(1)
})

test('every warning of the configuration is logged, however many there are', async () => {
  const unused = Array.from({ length: 25 }, (_, n) => [`file/unused${n}`, { path: workspace.path(`out${n}`) }])
  const used = config({ debug: {} })
  const exporters = { debug: {}, ...Object.fromEntries(unused) }
  const agent = startAgent(['run', '--config', workspace.writeConfig({ ...used, exporters })])
  await agent.logged(/"message":"running"/)
  expect((await agent.stop()).code).toBe(0)
  for (const [id] of unused) expect(agent.stderr).toContain(`"key":"exporters.${id}"`)
})

describe('signals', () => {
  test('SIGHUP with the same file changes nothing; SIGINT ends it in order', async () => {
    const agent = startAgent(['run', '--config', workspace.writeConfig(config({ debug: {} }))])
    await agent.logged(/"message":"running"/)
    process.kill(agent.pid, 'SIGHUP')
    await agent.logged(/configuration reloaded/)
    expect(await agent.stop('SIGINT')).toMatchObject({ code: 0, signal: null })
    expect(agent.stderr.trimEnd().split('\n').at(-1)).toContain('"message":"stopped"')
  })

  test('a stop in order that loses what nobody takes: exit 0, and the last line is a warning that counts it', async () => {
    const otlp = { otlp: { endpoint: `127.0.0.1:${await freePort()}`, sending_queue: { shutdown_timeout: '10ms' } } }
    const agent = startAgent(['run', '--config', workspace.writeConfig(config(otlp))])
    await agent.logged(/"component":"exporter\/otlp".*"message":"degraded"/)
    expect(await agent.stop()).toMatchObject({ code: 0, signal: null })
    const last = JSON.parse(agent.stderr.trimEnd().split('\n').at(-1)!) as Record<string, unknown>
    expect(last).toMatchObject({ level: 'warn', message: 'stopped', exported: 0 })
    expect(last['dropped']).toEqual({ shutdown: last['received'] })
    expect(last['remedy']).toMatch(/^[1-9]\d* items were not taken in time: see which exporter was degraded/)
  })

  test('a second SIGINT ends it at once where the first has to wait', async () => {
    // Nobody listens there: what is queued keeps the ordered end busy, for as long as it may take at all.
    const sending_queue = { shutdown_timeout: '6s' }
    const otlp = { otlp: { endpoint: `127.0.0.1:${await freePort()}`, sending_queue } }
    const agent = startAgent(['run', '--config', workspace.writeConfig(config(otlp))])
    await agent.logged(/"component":"exporter\/otlp".*"message":"degraded"/)
    process.kill(agent.pid, 'SIGINT')
    await agent.logged(/"message":"stopping"/)
    expect(await agent.stop('SIGINT')).toMatchObject({ code: 1, signal: null })
    expect(agent.stderr).toContain('second SIGINT: ending at once, what is queued is lost')
  })
})

test('what goes to the journal says how grave it is; where the variable is only inherited, nothing changes', () => {
  const file = workspace.writeConfig({
    receivers: { self_telemetry: {} },
    exporters: { file: { path: '/nonexistent/out.jsonl' } },
    service: { pipelines: { all: { receivers: ['self_telemetry'], exporters: ['file'] } } },
  })
  const here = '$(stat -L -c %d:%i /proc/self/fd/2)'
  const told = (stream: string, config: string) => {
    const script = `JOURNAL_STREAM=${stream} exec "$0" "$@"`
    const argv = ['-c', script, process.execPath, agentMain, 'run', '--config', config]
    return spawnSync('/bin/sh', argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).stderr
  }
  expect(told(here, file)).toMatch(/^(<4>\{"level":"warn".*\}\n)*<3>\{"level":"error".*could not start.*\}\n$/)
  expect(told('8:1', file)).toMatch(/^(\{"level":.*\}\n)+$/)
  expect(told(here, '/nonexistent.yaml')).toMatch(/^<3>error: .*\n<3>1 problem in /)
  expect(told('8:1', '/nonexistent.yaml')).toMatch(/^error: /)
})
