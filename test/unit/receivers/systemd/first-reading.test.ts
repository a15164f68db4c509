import { expect, test } from 'vitest'
import { unitGraphKeys } from '../../../../src/lib/dependencies/unit-graph.js'
import { Script } from '../../lib/systemd/script.js'
import type { FakeSource } from './fake-source.js'
import { quiet, running, start } from './start.js'

const run = (letter: string) => ({ invocationId: letter.repeat(32) })
const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `u${n}.service`)
const failed = { activeState: 'failed', subState: 'failed', result: 'exit-code', ...run('f'), stateChangeUsec: 900 }

const host = (count: number) => (it: FakeSource) => {
  for (const name of names(count)) it.units.set(name, { ...running, ...run('a'), mainPid: 42 })
  it.units.set('broken.service', failed)
}

test('on most hosts all is known when the receiver is ok', async () => {
  const { source, telemetry, states, receiver } = await start(quiet, host(100))
  expect(new Set(states())).toEqual(new Set(['ok']))
  expect(source.read.states).toHaveLength(101)
  expect(telemetry.gauges.get('units_unread')?.()).toBe(0)
  await receiver.shutdown()
})

test('of a thousand units at rest little is asked before the receiver is ok, the rest bit by bit, and nothing is told of it', async () => {
  const { source, clock, told, telemetry, states, receiver } = await start(quiet, host(1000))
  expect(new Set(states())).toEqual(new Set(['ok']))
  // What has failed is told of more: all of it is read at once.
  expect(source.read.states).toEqual(['broken.service'])
  const unread = telemetry.gauges.get('units_unread')!
  expect(unread()).toBeGreaterThan(900)
  await clock.advance(20_000)
  expect(unread()).toBe(0)
  expect(new Set(source.read.configurations).size).toBe(1001)
  expect(source.read.configurations).toHaveLength(1001)
  expect(told()).toEqual([])
  await receiver.shutdown()
})

test('of a thousand units none is asked who needs it, for all say what they need; one that comes later is', async () => {
  const { source, clock, settings, receiver } = await start(quiet, (it) => {
    host(1000)(it)
    it.units.set('late.device', running)
    it.dependencies.set('late.device', { Wants: ['u7.service'] })
    it.dependencies.set('u900.service', { Requires: ['u7.service'] })
  })
  const graph = settings.shared.get(unitGraphKeys.system)
  const { neededBy } = source.read
  const atOnce = neededBy.length
  expect(new Set(neededBy)).toEqual(new Set(['broken.service'])) // read at once, with its state
  await clock.advance(2000)
  // It is read, but who needs it may be among those that are not.
  expect([graph.knows('u7.service'), graph.knowsBothEnds('u7.service')]).toEqual([true, false])
  await clock.advance(20_000)
  expect(neededBy).toHaveLength(atOnce)
  expect(graph.knowsBothEnds('u7.service')).toBe(true)
  expect(
    graph
      .neededBy('u7.service')
      .map(({ from }) => from)
      .toSorted(),
  ).toEqual(['late.device', 'u900.service'])

  source.units.set('new.service', { ...running, ...run('b') })
  source.send(new Script('new.service').u('active/running', { inv: 'b' }).records.at(-1)!)
  await clock.advance(5000)
  expect(neededBy.slice(atOnce)).toEqual(['new.service'])
  await receiver.shutdown()
})

test('a device that went while others were read is not asked about: that would load it again', async () => {
  const { source, clock, receiver } = await start(quiet, (it) => {
    host(1000)(it)
    for (let n = 0; n < 300; n++) it.units.set(`d${n}.device`, running)
  })
  await clock.advance(0)
  const before = lists(source)
  // Nobody announces it.
  for (let n = 0; n < 300; n++) source.units.delete(`d${n}.device`)
  await clock.advance(20_000)
  expect(source.read.dependencies.filter((name) => name.endsWith('.device'))).toEqual([])
  expect(lists(source)).toBeGreaterThan(before)
  await receiver.shutdown()
})

const lists = ({ asked }: FakeSource): number => asked.filter((one) => one === 'ListUnits').length

test('a thousand units are listed once for all sweeps after the start, and once after a reload', async () => {
  const { source, clock, telemetry, receiver } = await start({ ...quiet, metrics: { info: true } }, host(1000))
  const unread = telemetry.gauges.get('units_unread')!
  await clock.advance(60_000)
  expect([unread(), lists(source)]).toEqual([0, 1])
  source.asked.length = 0
  source.send({ kind: 'reloading', active: true }, { kind: 'reloading', active: false })
  await clock.advance(1)
  expect(unread()).toBeGreaterThan(900)
  await clock.advance(60_000)
  expect([unread(), lists(source)]).toEqual([0, 1])
  await receiver.shutdown()
})

test('a unit that has gone since all were listed is not asked about: that would load it again', async () => {
  const { source, clock, receiver } = await start(quiet, host(1000))
  source.units.delete('u999.service')
  source.send({ kind: 'unit_removed', unit: 'u999.service' })
  await clock.advance(20_000)
  expect(new Set(source.read.configurations).size).toBe(1000)
  expect(source.read.configurations).not.toContain('u999.service')
  await receiver.shutdown()
})

test('while a reload hides what goes, each sweep asks anew what is there', async () => {
  const { source, clock, receiver } = await start(quiet, host(1000))
  source.send({ kind: 'reloading', active: true })
  source.units.delete('u999.service')
  source.send({ kind: 'unit_removed', unit: 'u999.service' })
  await clock.advance(20_000)
  expect(lists(source)).toBeGreaterThan(10)
  expect(new Set(source.read.configurations).size).toBe(1000)
  expect(source.read.configurations).not.toContain('u999.service')
  await receiver.shutdown()
})

test('what happens to a unit before all of it is read is told as ever', async () => {
  const { source, clock, told, receiver } = await start(quiet, host(1000))
  const script = new Script('u999.service').u('active/running', { inv: 'a' }).u('failed/failed', { result: 'signal' })
  source.send(script.records.at(-1)!)
  source.units.set('u999.service', script.state)
  await clock.advance(20_000)
  expect(told()).toEqual(['failed a signal'])
  await receiver.shutdown()
})

test('UnitFileState, for which systemd looks through all folders, is read for the label alone, a few units at a time', async () => {
  const without = await start(quiet, host(20))
  await without.clock.advance(60_000)
  expect(without.source.read.fileStates).toEqual([])
  await without.receiver.shutdown()

  const { source, clock, receiver } = await start({ ...quiet, metrics: { info: true } }, host(20))
  expect(source.read.fileStates).toHaveLength(8)
  await clock.advance(2000)
  expect(source.read.fileStates).toHaveLength(16)
  await clock.advance(60_000)
  expect(source.read.fileStates.toSorted()).toEqual([...names(20), 'broken.service'].toSorted())
  await receiver.shutdown()
})
