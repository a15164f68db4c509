import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type RawEvent, Severity } from '../../src/data/event.js'
import { attr, event } from '../../src/lib/systemd/names.js'
import { schema } from '../../src/processors/dependency/config.js'
import { createDependency } from '../../src/processors/dependency/dependency.js'
import { createTestConfig } from '../../src/testkit/create-test-config.js'
import { testSettings } from '../../src/testkit/test-settings.js'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab, waitFor } from '../lab/lab.js'
import { type Chain, chains, chainUnits, rivals, unitOf } from './dependency-chains.js'
import { type Watch, watch } from './systemd-support.js'

// A chain a <- b <- c by each directive: a real systemd says what becomes of b and c when a fails, and that is what the
// event of a's failure must have said. UPDATE_GOLDEN=1 writes the events anew; read the difference.

const goldenFile = new URL('../golden/systemd/chains.json', import.meta.url)
const update = process.env['UPDATE_GOLDEN'] === '1'
const golden = update ? {} : (JSON.parse(readFileSync(goldenFile, 'utf8')) as Record<string, unknown>)

const shown = {
  cause: attr.rootCause,
  edge: attr.rootCauseEdge,
  path: attr.rootCausePath,
  edges: attr.rootCausePathEdges,
  stops: attr.impactStop,
  degrades: attr.impactDegrade,
  count: attr.impactCount,
} as const

describeLab('a chain of three units of which the first one fails', () => {
  let lab: Lab
  let watched: Watch

  beforeAll(async () => {
    lab = await bootLab()
    for (const [name, text] of [...chainUnits(), ...rivals]) lab.writeUnit(name, text)
    await lab.daemonReload()
    await lab.systemctl('start', 'hold.target', 'dbus.service', 'of-old.service', 'beside-old.service')
    for (const letter of ['a', 'b', 'c'])
      await lab.systemctl('start', ...chains.filter((one) => runs(letter, one)).map((one) => unitOf(letter, one)))
    watched = await watch(lab, {}, true, ({ shared }, next) =>
      createDependency({ ...testSettings('processor', 'dependency'), shared }, createTestConfig(schema, {}), next),
    )
  })
  afterAll(async () => {
    await watched?.close()
    await lab?.close()
    if (update) writeFileSync(goldenFile, `${JSON.stringify(golden, null, 2)}\n`)
  })

  for (const chain of chains) {
    it(chain.name, async () => {
      await watched.take()
      await fail(lab, chain)
      // Not its state: who upholds it has it started again at once.
      const last = chain.story === 'handled' ? 'c' : 'a'
      await waitFor('the failure', () => watched.exporter.events.some((one) => isFailure(one, unitOf(last, chain))))
      await atRest(lab, chain)
      const events = await watched.take()
      // Without an order between them b and c are stopped at the same time.
      const told = events
        .filter((one) => one.attributes[attr.rootCause] !== undefined)
        .toSorted(byUnit)
        .map(brief)
      if (update) golden[chain.name] = told
      else expect(told).toEqual(golden[chain.name])
      await checkImpact(lab, chain, events)
    })
  }

  it('a start that is in conflict with others stops them and what needs them: no failure, and nobody is hit', async () => {
    await watched.take()
    await lab.systemctl('start', 'new.service')
    const events = await watched.take()
    const told = events.filter((one) => rivals.has(String(one.attributes[attr.unit])) && one.name !== event.jobFinished)
    expect(told.map((one) => [one.name, one.attributes[attr.unit], one.attributes[attr.verdict]])).toEqual([
      [event.stopped, 'of-old.service', 'stopped_by_operator'],
      [event.stopped, 'old.service', 'stopped_by_operator'],
      [event.started, 'new.service', undefined],
    ])
    expect(
      events.filter((one) => one.severity > Severity.info || one.attributes[attr.rootCause] !== undefined),
    ).toEqual([])
  })
})

const byUnit = (a: RawEvent, b: RawEvent): number =>
  String(a.attributes[attr.unit]).localeCompare(String(b.attributes[attr.unit]), 'en')

/** Before anything happens. */
const runs = (letter: string, { story }: Chain): boolean => story !== 'start' && (story !== 'handled' || letter === 'a')

async function fail(lab: Lab, chain: Chain): Promise<void> {
  const [a, b, c] = ['a', 'b', 'c'].map((letter) => unitOf(letter, chain)) as [string, string, string]
  if (chain.story === 'crash' || chain.story === 'handled') await lab.systemctl('kill', '--signal=SEGV', a)
  else if (chain.story === 'stop') await lab.systemctl('stop', a)
  else await lab.exec(['systemctl', 'start', a, b, c], { allowFailure: true })
}

/** Nobody is on the way to another state: what a process is asked to do it does when it gets a CPU. */
async function atRest(lab: Lab, chain: Chain): Promise<void> {
  const units = ['a', 'b', 'c'].map((letter) => unitOf(letter, chain))
  await waitFor('all three to be at rest', async () => {
    const shown = await lab.systemctl('show', '--property=ActiveState,Job', ...units)
    return !/^ActiveState=(de)?activating$|^Job=[1-9]/m.test(shown)
  })
}

const isFailure = (one: RawEvent, unit: string): boolean =>
  one.name === event.failed && one.attributes[attr.unit] === unit

/** Precision and recall: of b and c, exactly those stop that were said to, and the others were named if they rely on a. */
async function checkImpact(lab: Lab, chain: Chain, events: readonly RawEvent[]): Promise<void> {
  const first = events.find((one) => isFailure(one, unitOf('a', chain)))
  expect(first?.attributes[attr.rootCause]).toBe(unitOf('a', chain))
  // Who handles a failure is no victim of it.
  const others = chain.story === 'handled' ? [] : [unitOf('b', chain), unitOf('c', chain)]
  const down: string[] = []
  for (const unit of others) if ((await lab.show(unit, 'ActiveState'))['ActiveState'] !== 'active') down.push(unit)
  const orderOnly = chain.directives.every((one) => one === 'After')
  expect({
    stops: first?.attributes[attr.impactStop] ?? [],
    degrades: first?.attributes[attr.impactDegrade] ?? [],
  }).toEqual({ stops: down, degrades: orderOnly ? [] : others.filter((unit) => !down.includes(unit)) })
}

function brief(one: RawEvent): Record<string, unknown> {
  const added = Object.entries(shown).map(([name, key]) => [name, one.attributes[key]] as const)
  return {
    event: one.name,
    unit: one.attributes[attr.unit],
    ...Object.fromEntries(added.filter(([, value]) => value !== undefined)),
  }
}
