import { expect, it } from 'vitest'
import { describeVm, runInVm } from '../lab/vm.js'
import { type EventLine, OtlpLines } from './otlp-lines.js'
import { agentScript } from './vm/agent-script.js'

const service = (lines: readonly string[]) => ['[Service]', 'MemorySwapMax=0', ...lines, ''].join('\n')
/** tail keeps all of an endless line. */
const eater = '/usr/bin/tail /dev/zero'
const shell = (text: string) => `ExecStart=/bin/sh -c '${text}'`

function times(count: number, name: string, lines: readonly string[]): [string, string][] {
  return Array.from({ length: count }, (_, i) => [`${name}-${i + 1}.service`, service(lines)])
}

/** How a unit dies, by the beginning of its name. */
const units = Object.fromEntries([
  ...times(2, 'slow', ['MemoryMax=24M', shell(`sleep 0.5; exec ${eater}`)]),
  // It is over before anybody can have looked at its cgroup: what systemd often takes for any SIGKILL.
  ...times(4, 'fast', ['MemoryMax=1M', `ExecStart=${eater}`]),
  ...times(2, 'child', ['MemoryMax=24M', shell(`${eater}; exec sleep 60`)]),
  ...times(2, 'group', ['MemoryMax=24M', 'OOMPolicy=kill', shell(`sleep 60 & ${eater}; exec sleep 60`)]),
  // In a cgroup of its own making, as containers are.
  ...times(2, 'inner', [
    'MemoryMax=24M',
    'Delegate=yes',
    shell(
      `c=/sys/fs/cgroup/system.slice/%n/box; mkdir $$c; echo $$$$ > $$c/cgroup.procs; echo +memory > $$c/../cgroup.subtree_control; exec ${eater}`,
    ),
  ]),
  ...times(8, 'storm', ['MemoryMax=16M', `ExecStart=${eater}`]),
  ...times(1, 'again', [
    'MemoryMax=16M',
    'Restart=always',
    'RestartSec=300ms',
    shell(`echo $$INVOCATION_ID >> /run/runs/%n; exec ${eater}`),
  ]).map(([name, text]): [string, string] => [name, `[Unit]\nStartLimitIntervalSec=60\nStartLimitBurst=3\n${text}`]),
  ...times(2, 'lives', [
    'MemoryMax=24M',
    'OOMPolicy=continue',
    shell(`${eater}; sleep 12; ${eater}; touch /run/runs/%n.twice; exec sleep infinity`),
  ]),
  ...times(1, 'global', ['OOMScoreAdjust=1000', `ExecStart=/usr/bin/perl -e '$$x = "x" x 5e7; sleep 9999'`]),
  ...times(5, 'shot-main', ['MemoryMax=24M', 'ExecStart=/bin/sleep infinity']),
  ...times(5, 'shot-unit', ['MemoryMax=24M', shell('sleep infinity & exec sleep infinity')]),
])

/** One that may read the kernel's log, and one as it is installed, without any capability. */
const agents = ['log', 'counters'] as const

/** The default configuration of both receivers, but for the log. */
const config = (name: (typeof agents)[number]) => ({
  receivers: { systemd: {}, cgroup: { kernel_log: name === 'log' } },
  exporters: { file: { path: `/io/${name}.jsonl`, max_size: '1GiB' } },
  service: { pipelines: { main: { receivers: ['systemd', 'cgroup'], exporters: ['file'] } } },
})

interface Run {
  readonly unit: string
  readonly invocationId: string
  readonly result: string
}

const words = (text: string): string[][] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.split(' '))

/** One line for each run: what systemd made of it, and what the agent says. */
function table(runs: readonly Run[], told: ReadonlyMap<string, readonly EventLine[]>): string {
  return runs
    .map(({ unit, invocationId, result }) => {
      const said = (told.get(invocationId) ?? []).map(({ attributes: a }) => {
        const victim = a['systemd.unit.oom.victim.pid'] === undefined ? '' : ` pid ${a['systemd.unit.oom.victim.pid']}`
        const how = a['systemd.unit.oom.survived'] === true ? 'a process' : 'the run'
        return `${how} (${String(a['systemd.event.evidence'])}; ${String(a['systemd.unit.oom.kills'])} killed${victim})`
      })
      return `${unit.padEnd(20)} systemd: ${result.padEnd(10)} agent: ${said.join(' + ') || 'no kill for want of memory'}`
    })
    .join('\n')
}

/** What systemd and the tests know of the runs, from the files that the script leaves. */
function readRuns(read: (name: string) => string): Run[] {
  const last = words(read('runs')).map(([unit, invocationId, result]) => ({
    unit: unit!,
    invocationId: invocationId!,
    result: result!,
  }))
  const earlier = words(read('again'))
    .filter(([unit, invocationId]) => unit !== '' && !last.some((run) => run.invocationId === invocationId))
    .map(([unit, invocationId]) => ({ unit: unit!, invocationId: invocationId!, result: '?' }))
  return [...last, ...earlier]
}

/** What one agent told of the kills, beside what systemd and the tests know of the runs. */
function check(runs: readonly Run[], events: readonly EventLine[], log: boolean): void {
  const told = new Map<string, EventLine[]>()
  for (const event of events.filter(({ name }) => name === 'systemd.unit.oom_killed'))
    told.set(event.traceId!, [...(told.get(event.traceId!) ?? []), event])
  console.log(table(runs, told))
  const said = ({ invocationId }: Run) =>
    (told.get(invocationId) ?? []).map(({ attributes: a }) => [
      a['systemd.unit.name'],
      a['error.type'],
      a['systemd.unit.oom.survived'],
    ])
  const of = (kinds: RegExp) => runs.filter(({ unit }) => kinds.test(unit))

  const starved = of(/^(?!shot|lives)/)
  expect(starved.length).toBeGreaterThanOrEqual(20)
  for (const run of starved) expect(said(run), run.unit).toEqual([[run.unit, 'oom-kill', false]])
  // Each time it lost a process, though systemd says nothing; both times at once where the agent had its turn only then.
  for (const run of of(/^lives/)) {
    expect(said(run), run.unit).toEqual(said(run).map(() => [run.unit, 'oom-kill', true]))
    const kills = (told.get(run.invocationId) ?? []).map(({ attributes: a }) => Number(a['systemd.unit.oom.kills']))
    expect(
      kills.reduce((sum, n) => sum + n, 0),
      run.unit,
    ).toBe(2)
  }
  expect(of(/^shot/)).toHaveLength(10)
  expect(of(/^shot/).flatMap(said)).toEqual([])
  // Of nothing else, either.
  expect(told.size).toBe(starved.length + of(/^lives/).length)

  if (!log) return
  // A run is told when it has ended and systemd has said why, be the kernel's log read by then or not (0221). One that it told of says
  // so; which cgroup it was the cgroups themselves may have told as well.
  const saidBy = (run: Run, key: string): [read: boolean, unknown] => {
    const { attributes } = told.get(run.invocationId)![0]!
    return [(attributes['systemd.event.evidence'] as readonly string[]).includes('kernel_log'), attributes[key]]
  }
  expect(of(/^(inner|global)/).some((run) => saidBy(run, '')[0])).toBe(true)
  for (const run of of(/^inner/)) {
    const [read, cgroup] = saidBy(run, 'systemd.unit.oom.cgroup')
    const box = `/system.slice/${run.unit}/box`
    expect(read ? [box] : [box, undefined]).toContain(cgroup)
  }
  for (const run of of(/^global/)) {
    const [read, constraint] = saidBy(run, 'systemd.unit.oom.constraint')
    expect(constraint).toBe(read ? 'global' : undefined)
  }
}

describeVm('kills for want of memory', () => {
  it('are told once each, and no other kill is, with the kernel’s log and without it', { timeout: 1_200_000 }, () => {
    const files = Object.fromEntries(Object.entries(units).map(([name, text]) => [`units/${name}`, text]))
    const configs = Object.fromEntries(agents.map((name) => [`${name}.yaml`, JSON.stringify(config(name))]))
    return runInVm(
      agentScript('oom.sh'),
      ({ code, output, read }) => {
        expect(code, `${output}\n${code === 0 ? '' : agents.map((name) => read(`${name}.log`)).join('\n')}`).toBe(0)
        const runs = readRuns(read)
        for (const name of agents) check(runs, new OtlpLines(read(`${name}.jsonl`)).events, name === 'log')
      },
      { files: { ...files, ...configs }, memMiB: 768, timeoutS: 1140 },
    )
  })
})
