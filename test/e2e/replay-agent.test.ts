import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { hostHasSystemd } from '../../src/cli/demo-source.js'
import { waitFor } from '../lab/lab.js'
import { type AgentOptions, startAgent, Workspace } from './agent.js'

// The whole process on a machine without a systemd: no bus, no privilege, only the committed recording.

const pipeline = fileURLToPath(new URL('../../pipelines/replay.yaml', import.meta.url))
const recording = fileURLToPath(new URL('../fixtures/recordings/lab.usrec.gz', import.meta.url))
const golden = readFileSync(new URL('../golden/recordings/lab.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')

const played = /"message":"the recording was played to its end"/

async function run(env: AgentOptions['env'], until: RegExp, config = pipeline) {
  const agent = startAgent(['run', '--config', config], { env: { UNITSCOPE_SPEED: 'max', ...env } })
  try {
    await agent.logged(until)
    const exit = await agent.stop()
    return { agent, exit }
  } finally {
    await agent.stop('SIGKILL')
  }
}

/** `root: those it took down` of a line that tells of an incident. */
function rootAndToll(line: string): string {
  const toll = /; took down ([^·]+) ·/.exec(line)?.[1]
  return `${line.split(/ {2,}/)[1]}${toll === undefined ? '' : `: ${toll}`}`
}

/** Every failure of the recording that nobody had asked for, by its cause: those taken down have none of their own. */
const recordedIncidents = [
  'chain-db.service: chain-web.service, chain-api.service',
  'checkout.service',
  'database.service: web.service, api.service',
  'exit.service',
  'handled.service',
  'leaker.service',
  'limit.service',
  'missing.service',
  'needed.service: needs.service',
  'partner.service: bound.service',
  'pre.service',
  'report.service',
  'reset.service',
  'signal.service',
  'start-timeout.service',
  'stuck.service',
  'waiting.service',
  'watchdog-restart.service',
  'watchdog.service',
]

describe('pipelines/replay.yaml', () => {
  it('shows every event of the recording but jobs that are done, the crash loops and incidents in it, and the runs', async () => {
    const { agent, exit } = await run({ UNITSCOPE_RECORDING: recording }, played)
    expect(exit).toMatchObject({ code: 0, signal: null })
    const lines = agent.stdout.split('\n').filter((line) => /^\d\d:\d\d:\d\d\.\d{3} {2}/.test(line))
    const loops = lines.filter((line) => line.includes('crash loop detected'))
    expect(loops.map((line) => line.split(/ {2,}/)[1]).sort()).toEqual(['checkout.service', 'limit.service'])
    const runs = lines.filter((line) => / ┄ run \d/.test(line))
    expect(runs.length).toBeGreaterThan(20)
    const incidents = lines.filter((line) => line.includes(' incident opened '))
    expect(incidents.map(rootAndToll).sort()).toEqual(recordedIncidents)
    const ofUnits = lines.filter((line) => !/ (crash loop|incident (opened|updated|resolved)|metrics|┄) /.test(line))
    const told = golden.filter((line) => !line.includes('"systemd.job.result":"done"'))
    expect(ofUnits.length).toBe(told.length)
    expect(lines.some((line) => /web\.service +! stopped +because of database\.service/.test(line))).toBe(true)
    expect(agent.totals().dropped).toEqual({ filtered: golden.length - told.length })
  })

  it('finds no crash loop in a maintenance window', async () => {
    const workspace = new Workspace()
    try {
      const window = 'maintenance: [{ units: ["*.service"], from: "00:00", to: "00:00", time_zone: UTC }]'
      const config = readFileSync(pipeline, 'utf8').replace('\nservice:\n', `\nservice:\n  ${window}\n`)
      const { agent } = await run({ UNITSCOPE_RECORDING: recording }, played, workspace.write('agent.yaml', config))
      expect(agent.stdout).toContain('limit.service')
      expect(agent.stdout).not.toContain('crash loop')
    } finally {
      workspace.remove()
    }
  })

  it('does not start with a file that is no recording, and says which and why', async () => {
    const agent = startAgent(['run', '--config', pipeline], { env: { UNITSCOPE_RECORDING: pipeline } })
    expect(await agent.exited).toMatchObject({ code: 1 })
    expect(agent.stderr).toContain(
      `receiver replay could not start: file ${pipeline}: this is not a recording made by \`unitscope record\``,
    )
  })

  it('says which variable names the recording where the folder has none', async () => {
    const agent = startAgent(['run', '--config', pipeline], { env: { UNITSCOPE_RECORDING: 'elsewhere/lab.usrec.gz' } })
    expect(await agent.exited).toMatchObject({ code: 1 })
    expect(agent.stderr).toContain('with pipelines/replay.yaml, UNITSCOPE_RECORDING names the file')
  })

  it('plays what there is of a damaged one, says where the damage is, and goes on running', async () => {
    const workspace = new Workspace()
    try {
      const file = workspace.path('cut.usrec.gz')
      writeFileSync(file, readFileSync(recording).subarray(0, 30_000))
      const { agent, exit } = await run({ UNITSCOPE_RECORDING: file }, /"message":"degraded"/)
      expect(exit).toMatchObject({ code: 0 })
      expect(agent.stderr).toMatch(/cut\.usrec\.gz: it has no end, .* \(byte \d+\); what there is was played/)
      expect(agent.stdout).toContain('checkout.service')
    } finally {
      workspace.remove()
    }
  })
})

const onHost = await hostHasSystemd()

describe.skipIf(onHost)(`the demo${onHost ? ' [skipped: this machine has a systemd]' : ''}`, () => {
  it('plays the recording where no systemd answers and none can be booted', async () => {
    // A machine without the lab's tools, also for root.
    const workspace = new Workspace()
    mkdirSync(workspace.path('bin'))
    for (const tool of ['id', 'dirname']) symlinkSync(`/usr/bin/${tool}`, workspace.path(`bin/${tool}`))
    const env = { PATH: workspace.path('bin') }
    const demo = startAgent(['demo', '--for', '1h'], { env })
    try {
      await waitFor('an event', () => demo.stdout.includes('checkout.service'))
      expect(demo.stderr).toMatch(/^No systemd answers on this machine, and the demo cannot boot one of its own: \S/)
      expect(await demo.stop('SIGINT')).toMatchObject({ code: 0, signal: null })
      expect(demo.stderr).toMatch(
        /\n {2}signals +\d+\n(.*\n)* {2}dropped +\d+ by processor filter \(filtered\)\n {2}ledger +holds/,
      )
      const insisting = startAgent(['demo', '--lab', '--for', '2s'], { env })
      expect(await insisting.exited).toMatchObject({ code: 1 })
      expect(insisting.stderr).toMatch(/^unitscope: none can be booted for the demo: /)
    } finally {
      await demo.stop('SIGKILL')
      workspace.remove()
    }
  })
})
