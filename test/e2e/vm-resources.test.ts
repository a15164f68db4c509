import { expect, it } from 'vitest'
import { describeVm, runInVm } from '../lab/vm.js'
import { type EventLine, OtlpLines, type PointLine } from './otlp-lines.js'
import { agentScript } from './vm/agent-script.js'

const mebibyte = 2 ** 20
const kWrittenMiB = 20
const kEatenMiB = 64
const kChildren = 6

const service = (lines: readonly string[]) => ['[Service]', ...lines, ''].join('\n')
const units = {
  // Direct writes: what the program writes is what the disk gets, at once and to the byte.
  'writer.service': service([
    'IOAccounting=yes',
    `ExecStart=/bin/sh -c 'dd if=/dev/zero of=/mnt/file bs=1M count=${kWrittenMiB} oflag=direct && touch /run/writer.done && exec sleep infinity'`,
  ]),
  // Pages of a file in memory are charged to the service that wrote them, and stay.
  'eater.service': service([
    'MemoryAccounting=yes',
    `ExecStart=/bin/sh -c 'dd if=/dev/zero of=/dev/shm/eaten bs=1M count=${kEatenMiB} && touch /run/eater.done && exec sleep infinity'`,
  ]),
  'forker.service': service([
    'TasksAccounting=yes',
    `ExecStart=/bin/sh -c 'for i in $(seq ${kChildren}); do sleep infinity & done; touch /run/forker.done; wait'`,
  ]),
  // Perl goes on when a fork fails: three of six do.
  'limited.service': service([
    'TasksMax=4',
    'MemoryHigh=48M',
    `ExecStart=/usr/bin/perl -e 'for (1..6) { my $$p = fork; if (defined $$p && !$$p) { sleep 9999; exit } } open F, ">", "/run/limited.done"; close F; sleep 9999'`,
  ]),
  // It has no limit of its own on memory, and a higher one on tasks.
  'box.slice': ['[Slice]', 'MemoryMax=200M', 'TasksMax=50', ''].join('\n'),
  'boxed.service': service(['Slice=box.slice', 'ExecStart=/bin/sleep infinity']),
  // tail keeps all of an endless line: killed at its limit, and the unit fails with it.
  'victim.service': service(['MemoryMax=24M', 'MemorySwapMax=0', 'ExecStart=/usr/bin/tail /dev/zero']),
  // The same in a child: the unit lives on, systemd signals nothing, only memory.events tells.
  'survivor.service': service([
    'MemoryMax=24M',
    'MemorySwapMax=0',
    'OOMPolicy=continue',
    `ExecStart=/bin/sh -c 'tail /dev/zero; touch /run/survivor.done; exec sleep infinity'`,
  ]),
}

const config = {
  receivers: {
    systemd: { collection_interval: '2s' },
    cgroup: { collection_interval: '1s' },
  },
  exporters: { file: { path: '/io/agent.jsonl', max_size: '1GiB' } },
  service: { pipelines: { main: { receivers: ['systemd', 'cgroup'], exporters: ['file'] } } },
}

/** The newest point of a unit's metric. */
function latest(points: readonly PointLine[], unit: string, metric: string, attributes: Record<string, unknown> = {}) {
  const fits = (point: PointLine) =>
    point.name === metric &&
    point.resource['systemd.unit.name'] === unit &&
    Object.entries(attributes).every(([key, value]) => point.attributes[key] === value)
  return points.filter(fits).at(-1)?.value
}

describeVm('memory, io, tasks and OOM kills of a kernel with all controllers', () => {
  it('are what the services really did', { timeout: 600_000 }, () => {
    const files = Object.fromEntries(Object.entries(units).map(([name, text]) => [`units/${name}`, text]))
    return runInVm(
      agentScript('resources.sh'),
      ({ code, output, read }) => {
        expect(code, `${output}\n${code === 0 ? '' : read('agent.log')}`).toBe(0)
        const { events, points } = new OtlpLines(read('agent.jsonl'))
        const kernel = new Map(
          read('kernel')
            .trim()
            .split('\n')
            .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
        )

        const memory = latest(points, 'eater.service', 'systemd.unit.memory.usage')!
        expect(memory).toBeGreaterThanOrEqual(kEatenMiB * mebibyte)
        expect(memory).toBeLessThan((kEatenMiB + 8) * mebibyte)
        expect(memory).toBe(Number(kernel.get('eater.service/memory.current')))
        expect(latest(points, 'eater.service', 'systemd.unit.memory.peak')).toBe(
          Number(kernel.get('eater.service/memory.peak')),
        )
        expect(latest(points, 'survivor.service', 'systemd.unit.memory.limit')).toBe(24 * mebibyte)

        const written = latest(points, 'writer.service', 'systemd.unit.io.bytes', { 'disk.io.direction': 'write' })
        expect(written).toBe(kWrittenMiB * mebibyte)
        expect(kernel.get('writer.service/io.stat')).toContain(` wbytes=${written} `)

        expect(latest(points, 'forker.service', 'systemd.unit.pids')).toBe(kChildren + 1)
        expect(kernel.get('forker.service/pids.current')).toBe(String(kChildren + 1))

        expect(latest(points, 'limited.service', 'systemd.unit.pids.events', { 'systemd.pids.event': 'max' })).toBe(3)
        expect(kernel.get('limited.service/pids.events')).toBe('max 3')
        expect(latest(points, 'limited.service', 'systemd.unit.memory.high')).toBe(48 * mebibyte)

        const kills = { 'systemd.memory.event': 'oom_kill' }
        expect(latest(points, 'survivor.service', 'systemd.unit.memory.events', kills)).toBe(1)
        expect(kernel.get('survivor.service/memory.events')).toBe('oom_kill 1')

        expect(latest(points, 'boxed.service', 'systemd.unit.memory.slice.limit')).toBe(200 * mebibyte)
        expect(latest(points, 'boxed.service', 'systemd.unit.pids.slice.limit')).toBe(50)
        expect(latest(points, 'eater.service', 'systemd.unit.memory.slice.limit')).toBeUndefined()

        // Each once, in this order, and both say why.
        const ends = ['systemd.unit.oom_killed', 'systemd.unit.failed']
        const about = ({ name, attributes }: EventLine) =>
          ends.includes(name) && attributes['systemd.unit.name'] === 'victim.service'
        expect(events.filter(about).map(({ name, attributes }) => [name, attributes['systemd.unit.result']])).toEqual(
          ends.map((name) => [name, 'oom-kill']),
        )

        const ofContainer = events.filter(({ name }) => name === 'container.oom_killed')
        expect(ofContainer).toHaveLength(1)
        expect(ofContainer[0]).toMatchObject({
          resource: { 'container.id': '0123456789abcdef'.repeat(4), 'container.runtime.name': 'docker' },
          attributes: {
            'container.oom.kills': 1,
            'container.oom.counter': 1,
            'container.oom.memory.limit': 24 * mebibyte,
            'container.oom.victim.command': 'tail',
            'container.oom.constraint': 'memcg',
          },
        })
      },
      { files: { ...files, 'agent.yaml': JSON.stringify(config) }, diskMiB: 64, timeoutS: 540 },
    )
  })
})
