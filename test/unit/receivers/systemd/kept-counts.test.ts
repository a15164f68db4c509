import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ResourcePool } from '../../../../src/data/resource.js'
import { attr, metric } from '../../../../src/lib/systemd/names.js'
import { timedPoints } from '../../../support/timed-points.js'
import type { FakeSource } from './fake-source.js'
import { quiet, running, start } from './start.js'

const boot = 'b'.repeat(32)
const file = 'receiver.systemd.restart_counters'
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kept-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const collected = { ...quiet, collection_interval: '10s' }
const first = { ...running, invocationId: 'a'.repeat(32), nRestarts: 1 }

/** A receiver of one boot that keeps its counts in `folder`, while systemd says `state` of a.service. */
function run(state: object, bootId = boot, warnings: string[] = [], refusal = '') {
  const resources = new ResourcePool({ 'host.name': 'h', 'systemd.boot_id': bootId })
  const logger = { debug() {}, info() {}, error() {}, warn: (text: string) => void warnings.push(text) }
  const prepare = (source: FakeSource): void => {
    source.units.set('a.service', state)
    source.refusal = refusal
  }
  return start(collected, prepare, { stateDirectory: folder, resources, logger })
}

function restarts({ exporter }: Awaited<ReturnType<typeof run>>): unknown {
  const found = exporter.metrics.findLast(({ name }) => name === metric.restarts)
  return found && timedPoints(found).find(({ attributes }) => attributes[attr.restartCause] === 'auto')
}

it('counts go on in the next run, with the start they had, and what was missed is told', async () => {
  const before = await run(first)
  await before.receiver.shutdown()
  const after = await run({ ...first, invocationId: 'c'.repeat(32), nRestarts: 4, stateChangeUsec: 2000 })
  expect(after.gaps()).toEqual(['agent_restart'])
  expect(after.told().slice(1)).toEqual(['restarting a auto inferred', 'restarted c auto inferred'])
  expect(restarts(after)).toMatchObject({
    value: 3,
    startTimeUnixNano: (restarts(before) as { startTimeUnixNano: bigint }).startTimeUnixNano,
  })
  const gap = after.exporter.events[0]!
  expect([gap.attributes[attr.gapStartUsec], gap.attributes[attr.gapEndUsec]]).toEqual([
    expect.any(Number),
    expect.any(Number),
  ])
  await after.receiver.shutdown()
})

it('a bus that refuses to be asked about units: none is told as stopped, and all is asked again', async () => {
  const before = await run(first)
  await before.receiver.shutdown()
  const after = await run(
    { ...first, nRestarts: 2, stateChangeUsec: 2000 },
    boot,
    [],
    'org.freedesktop.DBus.Error.LimitsExceeded',
  )
  expect(after.host.last).toMatchObject({ state: 'degraded' })
  expect([after.told(), after.telemetry.errors.get('call_refused')]).toEqual([[], 1])
  after.source.refusal = ''
  await after.clock.advance(1000)
  expect(after.host.last).toEqual({ state: 'ok' })
  expect(after.gaps()).toEqual(['agent_restart'])
  expect(
    after
      .told()
      .slice(1)
      .map((line) => line.split(' ')[0]),
  ).not.toContain('stopped')
  expect(restarts(after)).toMatchObject({ value: 1 })
  await after.receiver.shutdown()
})

it('after a boot nothing is compared: counts go on, and units are what they are', async () => {
  const before = await run(first)
  await before.receiver.shutdown()
  const after = await run({ ...first, invocationId: 'c'.repeat(32), nRestarts: 4 }, 'd'.repeat(32))
  expect(after.gaps()).toEqual(['reboot'])
  expect(after.told()).toHaveLength(1)
  expect(restarts(after)).toMatchObject({ value: 4 })
  await after.receiver.shutdown()
})

it('a run that is killed loses five seconds at most', async () => {
  const { clock } = await run(first)
  await clock.advance(5000)
  const bytes = await waitForFile()
  expect(bytes).toContain('"a.service"')
})

it('nothing is written while nothing happens, but once a minute', async () => {
  const { clock } = await run(first)
  await waitForFile() // of the first reading
  await rm(join(folder, file))
  await clock.advance(59_000)
  expect(await readdir(folder)).toEqual([])
  await clock.advance(1000)
  await waitForFile()
})

it('a damaged file is set aside and told; counting begins anew', async () => {
  const before = await run(first)
  await before.receiver.shutdown()
  const good = await readFile(join(folder, file), 'utf8')
  await writeFile(join(folder, file), good.slice(0, -20))
  const warnings: string[] = []
  const after = await run(first, boot, warnings)
  expect(after.host.last).toEqual({ state: 'ok' })
  expect(after.gaps()).toEqual([])
  expect(warnings).toEqual([expect.stringContaining('restart counters begin anew')])
  expect(after.telemetry.errors.get('state_damaged')).toBe(1)
  expect(await readdir(folder)).toContain(`${file}.damaged`)
  await after.receiver.shutdown()
  expect(await readFile(join(folder, file), 'utf8')).toContain('"a.service"')
})

it('a folder that cannot be written is told once, and nothing else suffers', async () => {
  await rm(folder, { recursive: true })
  await writeFile(folder, 'a file where the folder should be')
  const warnings: string[] = []
  const { clock, host, receiver } = await run(first, boot, warnings)
  await clock.advance(5000)
  await receiver.shutdown()
  expect(host.last).toEqual({ state: 'ok' })
  expect(warnings.filter((text) => text.includes('cannot be kept'))).toHaveLength(1)
})

it('without a state directory nothing is kept', async () => {
  const { receiver, gaps } = await start(collected, (source) => source.units.set('a.service', first))
  await receiver.shutdown()
  expect([gaps(), await readdir(folder)]).toEqual([[], []])
})

async function waitForFile(): Promise<string> {
  for (;;) {
    const text = await readFile(join(folder, file), 'utf8').catch(() => '')
    if (text !== '') return text
    await new Promise((resolve) => setImmediate(resolve))
  }
}
