import { expect, test } from 'vitest'
import { unitGraphKeys } from '../../../../src/lib/dependencies/unit-graph.js'
import { running, start } from './start.js'

// A reload is a time in which nothing that systemd says of its units is true. Its end may never be told, or come late.

const run = (letter: string) => ({ invocationId: letter.repeat(32) })
const kSlow = 'Ping: no answer within 5 s'

/** What daemon-reload says of every unit, though nothing happens to any. */
const storm = [
  { kind: 'unit_removed', unit: 'a.service' },
  { kind: 'unit_new', unit: 'a.service' },
] as const

const begins = { kind: 'reloading', active: true } as const
const ends = { kind: 'reloading', active: false } as const

const oneUnit = (source: { units: Map<string, unknown> }) =>
  void source.units.set('a.service', { ...running, ...run('a') })

test('a reload that takes longer than a minute: no unit has stopped', async () => {
  const { source, clock, told, gaps, receiver } = await start(undefined, oneUnit)
  source.send(begins)
  source.trouble = kSlow
  await clock.advance(70_000)
  source.send(...storm)
  await clock.advance(500)
  source.trouble = ''
  await clock.advance(500)
  source.send(ends)
  await clock.advance(60_000)
  expect(told()).toEqual(['source.gap -'])
  expect(gaps()).toEqual(['reload'])
  await receiver.shutdown()
})

test('a reload whose signals are still under way when systemd answers already: waits until they have all come', async () => {
  const { source, clock, told, receiver } = await start(undefined, oneUnit)
  source.send(begins)
  source.trouble = kSlow
  await clock.advance(35_000)
  source.trouble = ''
  for (let half = 0; half < 20; half++) {
    source.send(...storm)
    await clock.advance(500)
  }
  source.send(ends)
  await clock.advance(60_000)
  expect(told()).toEqual(['source.gap -'])
  await receiver.shutdown()
})

test('a reload whose end is never told is over when systemd answers after 30 s, and nothing more comes', async () => {
  const { source, clock, told, gaps, receiver } = await start()
  source.send(begins)
  source.units.set('a.service', { ...running, ...run('a') })
  await clock.advance(29_000)
  expect(told()).toEqual([])
  await clock.advance(4000)
  expect(gaps()).toEqual(['reexec'])
  expect(told()).toEqual(['source.gap -', 'started a inferred'])
  await receiver.shutdown()
})

test('a reload whose end is never told on a bus that is never quiet is over all the same', async () => {
  const { source, clock, gaps, receiver } = await start()
  source.send(begins)
  for (let second = 0; second < 62; second++) {
    source.send(...storm)
    await clock.advance(1000)
  }
  expect(gaps()).toEqual(['reexec'])
  await receiver.shutdown()
})

test('a second reload is waited for by itself: what was found of the first says nothing of it', async () => {
  const { source, clock, told, gaps, receiver } = await start(undefined, oneUnit)
  source.send(begins)
  await clock.advance(30_500)
  source.send(begins)
  source.trouble = kSlow
  await clock.advance(25_000)
  source.send(...storm, ends)
  source.trouble = ''
  await clock.advance(60_000)
  expect(told()).toEqual(['source.gap -'])
  expect(gaps()).toEqual(['reload'])
  await receiver.shutdown()
})

test('what a reader hands over when it is closed starts nothing that outlives its connection', async () => {
  const { source, clock, told, gaps, receiver } = await start(undefined, oneUnit)
  source.leftover = [begins]
  source.lose('the bus closed the connection')
  await clock.advance(1000)
  expect(gaps()).toEqual(['bus_lost'])
  await clock.advance(20_000)
  source.send(begins)
  source.trouble = kSlow
  await clock.advance(15_000)
  source.send(...storm, ends)
  source.trouble = ''
  await clock.advance(60_000)
  expect(told()).toEqual(['source.gap -', 'source.gap -'])
  expect(gaps()).toEqual(['bus_lost', 'reload'])
  await receiver.shutdown()
})

test('no timer is left when the last reader hands over the beginning of a reload', async () => {
  const { source, clock, receiver } = await start(undefined, oneUnit)
  source.leftover = [begins]
  await receiver.shutdown()
  expect(clock.pending).toBe(0)
})

test('a connection made in the middle of a reload: what is announced of the units is no news', async () => {
  const { source, clock, told, gaps, receiver } = await start(undefined, (it) => {
    oneUnit(it)
    it.trouble = 'Subscribe: no answer within 5 s'
  })
  source.send(...storm, ends)
  source.trouble = ''
  await clock.advance(60_000)
  expect(told()).toEqual(['source.gap -'])
  expect(gaps()).toEqual(['reload'])
  await receiver.shutdown()
})

test('what stands between watched units, a target, is read anew after a reload', async () => {
  const { source, clock, settings, receiver } = await start(undefined, (it) => {
    oneUnit(it)
    it.units.set('app.target', { activeState: 'active', subState: 'active' })
    it.dependencies.set('app.target', { Wants: ['old.target'] })
  })
  const graph = settings.shared.get(unitGraphKeys.system)
  const needs = () => graph.needs('app.target').map(({ to }) => to)
  expect(needs()).toEqual(['old.target'])
  source.dependencies.set('app.target', { Wants: ['new.target'] })
  source.send(begins, ends)
  await clock.advance(10_000)
  expect(needs()).toEqual(['new.target'])
  await receiver.shutdown()
})
