import { expect, test } from 'vitest'
import type { ListedUnit } from '../../../../src/data/unit-snapshot.js'
import { UnitGraph } from '../../../../src/lib/dependencies/unit-graph.js'
import { Surroundings } from '../../../../src/receivers/systemd/surroundings.js'

const listed = (...names: readonly string[]): ListedUnit[] =>
  names.map((name) => ({ name, loadState: 'loaded', activeState: 'active', subState: '', jobId: 0 }))

function rig(watched: (unit: string) => boolean = () => false) {
  const graph = new UnitGraph()
  return { graph, around: new Surroundings(graph, watched) }
}

test('targets, slices and scopes are read, unless their states are watched, too', () => {
  const { around } = rig((unit) => unit === 'seen.target')
  around.listed(listed('a.target', 'b.slice', 'c.scope', 'd.service', 'e.device', 'seen.target'), 1)
  expect(around.wanted).toEqual(['a.target', 'b.slice', 'c.scope'])
})

test('what was asked for is read once; it may have gone meanwhile', () => {
  const { graph, around } = rig()
  around.listed(listed('a.target', 'b.target'), 1)
  around.learn(around.wanted, [{ name: 'a.target', dependencies: { Wants: ['x.service'] } }])
  expect(around.wanted).toEqual([])
  expect([graph.knows('a.target'), graph.knows('b.target')]).toEqual([true, false])
})

test('what came is read, what went is down from then on', () => {
  const { graph, around } = rig()
  around.appeared('docker-1.scope')
  around.appeared('web.service')
  around.learn(around.wanted, [{ name: 'docker-1.scope', dependencies: { Requires: ['system.slice'] } }])
  around.vanished('docker-1.scope', 5)
  expect([graph.stateAt('docker-1.scope', 5), graph.stateAt('docker-1.scope', 6)]).toEqual([undefined, 'down'])
  around.appeared('docker-2.scope')
  around.vanished('docker-2.scope', 7)
  expect(around.wanted).toEqual([])
})

test('a list of all says what went unnoticed, and all is read again', () => {
  const { graph, around } = rig()
  for (const name of ['a.target', 'b.target', 'web.service']) graph.update(name, {})
  around.listed(listed('a.target'), 9)
  expect(around.wanted).toEqual(['a.target'])
  expect(['a.target', 'b.target', 'web.service'].map((unit) => graph.stateAt(unit, 10))).toEqual([
    undefined,
    'down',
    undefined,
  ])
})

test('a sweep takes 256 at most, the next one the others', () => {
  const { around } = rig()
  around.listed(listed(...Array.from({ length: 300 }, (_, n) => `u${n}.scope`)), 1)
  const first = around.wanted
  around.learn(first, [])
  expect([first.length, around.wanted.length]).toEqual([256, 44])
})

const services = Array.from({ length: 200 }, (_, n) => `u${n}.service`)
const isService = (unit: string): boolean => unit.endsWith('.service')

test('where what they need is read of all units, none is asked who needs it, and that is known when all were read', () => {
  const { graph, around } = rig(isService)
  const loaded = [...services, 'a.target', 'x.device']
  around.listed(listed(...loaded), 1)
  around.readTogether(loaded, services)
  expect([around.endsOf('u1.service'), around.endsOf('came-later.service')]).toEqual(['needs', 'both'])
  expect(around.wanted).toEqual(['a.target', 'x.device'])
  // Nobody tells when a device goes.
  expect(around.unheard).toBe(true)
  around.learn(around.wanted, [{ name: 'x.device', dependencies: { Wants: ['u1.service'] } }])
  for (const name of services) graph.update(name, {}, 'needs')
  around.swept(['u7.service'])
  expect([graph.knows('u1.service'), graph.knowsBothEnds('u1.service')]).toEqual([true, false])
  around.swept(['came-later.service'])
  expect(graph.knowsBothEnds('u1.service')).toBe(true)
  expect(graph.neededBy('u1.service').map(({ from }) => from)).toEqual(['x.device'])
  expect(around.endsOf('u1.service')).toBe('both')
})

test('what was interrupted is begun anew with all, however few are left: nobody has said yet who needs the others', () => {
  const { graph, around } = rig(isService)
  const loaded = [...services, 'x.device']
  around.readTogether(loaded, services)
  for (const name of services.slice(5)) graph.update(name, {}, 'needs')
  around.swept(services.slice(0, 5))
  around.listed(listed(...loaded), 1)
  expect(around.wanted).toEqual([])
  around.readTogether(loaded, services.slice(0, 5))
  expect([around.endsOf('u1.service'), around.wanted]).toEqual(['needs', ['x.device']])
  around.learn(around.wanted, [{ name: 'x.device', dependencies: { Wants: ['u9.service'] } }])
  around.swept([])
  expect(graph.knowsBothEnds('u9.service')).toBe(true)
  around.listed(listed(...loaded), 2)
  around.readTogether(loaded, [])
  expect(around.endsOf('u1.service')).toBe('both')
})

test('few units, or few among many that are not watched, are asked at both ends', () => {
  const { around } = rig(isService)
  around.readTogether(services, services.slice(0, 128))
  expect(around.endsOf('u1.service')).toBe('both')
  const devices = Array.from({ length: 200 }, (_, n) => `d${n}.device`)
  around.readTogether([...services, ...devices], services)
  expect([around.endsOf('u1.service'), around.wanted]).toEqual(['both', []])
})

test('a device that was read with all others is down when a later list has it no more, and needs nothing', () => {
  const { graph, around } = rig(isService)
  graph.update('u1.service', { WantedBy: ['gone.device'] })
  around.readTogether([...services, 'x.device'], services)
  expect(graph.neededBy('u1.service')).toEqual([])
  around.learn(around.wanted, [{ name: 'x.device', dependencies: { Wants: ['u1.service'] } }])
  around.listed(listed(...services), 9)
  expect(graph.stateAt('x.device', 10)).toBe('down')
})
