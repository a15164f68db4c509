import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Attributes } from '../../src/data/attributes.js'
import type { RawEvent } from '../../src/data/event.js'
import { type EdgeKind, kindNames } from '../../src/lib/dependencies/edge-kinds.js'
import { type UnitGraph, unitGraphKeys } from '../../src/lib/dependencies/unit-graph.js'
import { attr, event } from '../../src/lib/systemd/names.js'
import { schema } from '../../src/processors/dependency/config.js'
import { createDependency } from '../../src/processors/dependency/dependency.js'
import { createTestConfig } from '../../src/testkit/create-test-config.js'
import { testSettings } from '../../src/testkit/test-settings.js'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab, waitFor } from '../lab/lab.js'
import { type Watch, watch } from './systemd-support.js'

describeLab('the graph of the units of a real systemd', () => {
  let lab: Lab
  let watched: Watch
  let graph: UnitGraph

  beforeAll(async () => {
    lab = await bootLab()
    lab.writeUnit('db.service', '[Service]\nExecStart=/bin/sleep infinity\n')
    lab.writeUnit('app.target', '[Unit]\nRequires=db.service\nAfter=db.service\n')
    await lab.daemonReload()
    await lab.systemctl('start', 'app.target', 'dbus.service')
    // By poll_interval states would be compared, and nothing here may come by it.
    watched = await watch(lab, { poll_interval: '0s' }, true, ({ shared }, next) =>
      createDependency({ ...testSettings('processor', 'dependency'), shared }, createTestConfig(schema, {}), next),
    )
    graph = watched.shared.get(unitGraphKeys.system)
  })
  afterAll(async () => {
    await watched?.close()
    await lab?.close()
  })

  const kinds = (from: string, to: string): readonly EdgeKind[] => {
    const edge = graph.needs(from).find((one) => one.to === to)
    return edge === undefined ? [] : kindNames(edge.kinds)
  }

  /** The attributes of its next failure. */
  async function failureOfDocker(): Promise<Attributes> {
    const isFailure = (one: RawEvent) => one.name === event.failed && one.attributes[attr.unit] === 'docker.service'
    const before = watched.exporter.events.filter(isFailure).length
    await lab.systemctl('kill', '--signal=SEGV', 'docker.service')
    await waitFor('its failure', () => watched.exporter.events.filter(isFailure).length > before)
    return watched.exporter.events.filter(isFailure).at(-1)!.attributes
  }

  it('holds what systemctl says of every loaded unit, of unit_types and around them', async () => {
    const list = await lab.systemctl('list-units', '--all', '--plain', '--no-legend', '--full')
    const units = list.split('\n').flatMap((line) => {
      const [name = '', loaded] = line.trim().split(/\s+/)
      return loaded === 'loaded' && !name.endsWith('.device') ? [name] : []
    })
    expect(units.length).toBeGreaterThan(30)
    // Those that are not watched are asked for their configuration some at a time.
    await waitFor('all of them', () => units.every((unit) => graph.knows(unit)))
    for (const unit of units) {
      const said = await lab.show(unit, 'Requires', 'Wants', 'BindsTo', 'After', 'Conflicts', 'TriggeredBy')
      const expected = Object.entries(said).flatMap(([kind, names]) =>
        names
          .split(' ')
          .filter(Boolean)
          .map((name) => `${kind} ${name}`),
      )
      const known = graph
        .needs(unit)
        .flatMap(({ to, kinds }) => kindNames(kinds).map((kind) => `${kind} ${to}`))
        .filter((line) => Object.hasOwn(said, line.split(' ')[0]!))
      expect({ unit, needs: known.sort() }).toEqual({ unit, needs: expected.sort() })
    }
  })

  it('learns units that are made, over a target that is not watched', async () => {
    lab.writeUnit(
      'web.service',
      '[Unit]\nBindsTo=app.target\nAfter=app.target\n[Service]\nExecStart=/bin/sleep infinity\n',
    )
    await lab.systemctl('start', 'web.service')
    await waitFor('web.service', () => kinds('web.service', 'app.target').length > 0)
    expect(kinds('web.service', 'app.target')).toEqual(['BindsTo', 'After'])
    expect(kinds('app.target', 'db.service')).toEqual(['Requires', 'After'])
  })

  it('learns what daemon-reload changes', async () => {
    lab.writeUnit('web.service', '[Unit]\nWants=db.service\n[Service]\nExecStart=/bin/sleep infinity\n')
    await lab.daemonReload()
    await waitFor('the new configuration', () => kinds('web.service', 'db.service').length > 0)
    // The other end says so, too, and is read after it.
    await waitFor('the old one to go', () => kinds('web.service', 'app.target').length === 0)
    lab.writeUnit('app.target', '[Unit]\nWants=db.service\n')
    await lab.daemonReload()
    await waitFor('the new target', () => kinds('app.target', 'db.service').includes('Wants'))
  })

  it('a socket that gives up names the service that it could not start', async () => {
    lab.writeUnit('lazy.socket', '[Socket]\nListenStream=127.0.0.1:7777\n')
    lab.writeUnit('lazy.service', "[Service]\nExecStart=/bin/sh -c 'exit 3'\n")
    await lab.systemctl('start', 'lazy.socket')
    await waitFor('the socket and its service', () => kinds('lazy.service', 'lazy.socket').includes('TriggeredBy'))
    await lab.exec(['bash', '-c', 'exec 3<>/dev/tcp/127.0.0.1/7777; sleep 1'], { allowFailure: true })
    const failed = (one: RawEvent): boolean => one.name === event.failed && one.attributes[attr.unit] === 'lazy.socket'
    await waitFor('the failure of the socket', () => watched.exporter.events.some(failed))
    const { attributes } = watched.exporter.events.find(failed)!
    expect([attributes[attr.result], attributes[attr.rootCause], attributes[attr.rootCauseEdge]]).toEqual([
      'service-start-limit-hit',
      'lazy.service',
      'Triggers',
    ])
  })

  it('learns the scope of a container, which a failed runtime leaves alone, until it is gone', async () => {
    const scope = `docker-${'ab'.repeat(32)}.scope`
    lab.writeUnit('docker.service', '[Service]\nExecStart=/bin/sleep infinity\n')
    const run = lab.spawn(['systemd-run', '--scope', '--quiet', `--unit=${scope}`, 'sleep', 'infinity'])
    try {
      await lab.systemctl('start', 'docker.service')
      await waitFor('the scope', () => graph.knows(scope))
      expect(kinds(scope, 'system.slice')).toContain('Slice')
      const hit = await failureOfDocker()
      expect([hit[attr.impactContainers], hit[attr.impactContainerKinds]]).toEqual([[scope], ['docker container']])
      expect(hit[attr.impactDegrade]).toContain(scope)
      await lab.systemctl('stop', scope)
      await waitFor('its end', () => graph.stateAt(scope, Date.now() * 1000 + 1) === 'down')
      await lab.systemctl('start', 'docker.service')
      expect((await failureOfDocker())[attr.impactContainers]).toBeUndefined()
    } finally {
      run.kill()
    }
  })
})
