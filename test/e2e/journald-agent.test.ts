import { expect, it } from 'vitest'
import { describeLab } from '../lab/describe-lab.js'
import { type Lab, waitFor, withLab } from '../lab/lab.js'
import { type Agent, running, startAgent, Workspace } from './agent.js'
import { chatter, journalFolder, truth } from './journald-support.js'

const kLines = 6000
/** The position is saved once a second; on a machine that is busy with other tests, sometimes later. */
const kMaxAgainMs = 10_000

interface Line {
  readonly message: string
  readonly usec: number
}

describeLab('an agent that reads the journal', () => {
  it(
    'is killed with SIGKILL again and again: no line is missing, those that come twice are of the last second',
    { timeout: 120_000 },
    () =>
      withLab(async (lab) => {
        const workspace = new Workspace()
        lab.writeUnit('steady.service', chatter(kLines, 'line', 50))
        await lab.daemonReload()
        let agent = await start(lab, workspace)
        try {
          const over = lab.systemctl('start', 'steady.service')
          for (const share of [0.2, 0.4, 0.7]) {
            await waitFor(`${share} of the lines`, () => lines(workspace).length > share * kLines)
            await agent.stop('SIGKILL')
            agent = await start(lab, workspace)
          }
          await over
          const expected = (await truth(lab, '--unit=steady.service')).map(({ message, usec }) => ({
            message,
            usec: Number(usec),
          }))
          await waitFor('the last line', () => lines(workspace).at(-1)?.message === expected.at(-1)!.message)
          const { unique, again } = withoutRepeats(lines(workspace))
          expect(unique).toEqual(expected)
          expect(again.length).toBeLessThanOrEqual(3)
          for (const ms of again) expect(ms).toBeLessThan(kMaxAgainMs)
          expect((await agent.stop()).code).toBe(0)

          // Stopped in order, it repeats nothing at all.
          const before = lines(workspace).length
          agent = await start(lab, workspace)
          await lab.systemctl('start', 'steady.service', '--no-block')
          await waitFor('what comes now', () => lines(workspace).length > before)
          // A busy journald takes the first line before PID 1's word of the start: what counts is its own order.
          const next = (await truth(lab, '--unit=steady.service'))[expected.length]!
          expect(lines(workspace)[before]).toEqual({ message: next.message, usec: Number(next.usec) })
        } finally {
          await agent.stop('SIGKILL')
          workspace.remove()
        }
      }),
  )
})

async function start(lab: Lab, workspace: Workspace): Promise<Agent> {
  const config = {
    receivers: { journald: { directory: journalFolder(lab), units: ['steady'] } },
    exporters: { file: { path: workspace.path('out.jsonl') } },
    service: {
      state_directory: workspace.path('state'),
      pipelines: { logs: { receivers: ['journald'], exporters: ['file'] } },
    },
  }
  const agent = startAgent(['run', '--config', workspace.writeConfig(config)])
  await agent.logged(running)
  return agent
}

function lines(workspace: Workspace): Line[] {
  return workspace
    .text()
    .split('\n')
    .slice(0, -1)
    .flatMap((request) => JSON.parse(request).resourceLogs)
    .flatMap(({ scopeLogs }) => scopeLogs)
    .flatMap(({ logRecords }) => logRecords)
    .map(({ body, timeUnixNano }) => ({ message: body.stringValue, usec: Number(BigInt(timeUnixNano) / 1000n) }))
}

/** The lines without those told before, and of each place where telling began again, how long a time was told twice. */
function withoutRepeats(all: readonly Line[]): { readonly unique: readonly Line[]; readonly again: readonly number[] } {
  const unique: Line[] = []
  const known = new Set<string>()
  const again: number[] = []
  let repeating = false
  for (const line of all) {
    const key = `${line.usec} ${line.message}`
    if (known.has(key)) {
      if (!repeating) again.push((unique.at(-1)!.usec - line.usec) / 1000)
      repeating = true
      continue
    }
    repeating = false
    known.add(key)
    unique.push(line)
  }
  return { unique, again }
}
