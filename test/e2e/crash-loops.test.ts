import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Component } from '../../src/component/component.js'
import type { RawEvent } from '../../src/data/event.js'
import { patternAttr } from '../../src/lib/patterns/detection-event.js'
import { attr, event as names } from '../../src/lib/systemd/names.js'
import { schema as crashLoopSchema } from '../../src/processors/crash_loop/config.js'
import { crashLoop } from '../../src/processors/crash_loop/episode.js'
import { factory as crashLoopFactory } from '../../src/processors/crash_loop/factory.js'
import { schema as systemdSchema } from '../../src/receivers/systemd/config.js'
import { createSystemdReceiver } from '../../src/receivers/systemd/systemd-receiver.js'
import { createTestConfig } from '../../src/testkit/create-test-config.js'
import { MemoryExporter } from '../../src/testkit/memory-exporter.js'
import { TestHost, testSettings } from '../../src/testkit/test-settings.js'
import { systemClock } from '../../src/util/clock.js'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab, waitFor } from '../lab/lab.js'

// systemd receiver -> crash_loop -> memory, against a real systemd: what is a loop, and what only looks like one.

const good = '[Service]\nExecStart=/bin/sleep infinity\nRestart=on-failure\n'
const units = {
  'deployed.service': good,
  // Does not like to be stopped: `failed`, each time. It is up once it has its trap.
  'grumpy.service':
    '[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=notify\nNotifyAccess=all\n' +
    'ExecStart=/bin/bash -c \'trap "exit 1" TERM; systemd-notify --ready; sleep infinity & wait\'\nRestart=on-failure\n',
  // systemd allows five starts, which are up in a second; a busy machine may take longer than the ten that are its default.
  'at-once.service': '[Unit]\nStartLimitIntervalSec=60\n[Service]\nExecStart=/bin/false\nRestart=on-failure\n',
}

describeLab('crash loops of a real systemd', () => {
  let lab: Lab
  let parts: readonly Component[]
  const seen = new MemoryExporter()
  const of = (unit: string): readonly RawEvent[] =>
    seen.events.filter(({ attributes }) => attributes[attr.unit] === unit)
  const found = (unit: string): readonly string[] =>
    of(unit)
      .filter(({ name }) => name.startsWith('pattern.'))
      .map(({ name, attributes }) => `${name.split('.').at(-1)} ${attributes[patternAttr.kind]}`)
  const told = (unit: string, name: string): number => of(unit).filter((event) => event.name === name).length

  beforeAll(async () => {
    lab = await bootLab()
    for (const [name, text] of Object.entries(units)) lab.writeUnit(name, text)
    await lab.daemonReload()
    await lab.systemctl('start', 'dbus.service', 'deployed.service', 'grumpy.service')
    const settings = (kind: 'receiver' | 'processor', type: string) =>
      testSettings(kind, type, { clock: systemClock, random: Math.random })
    const loops = crashLoopFactory.create(
      settings('processor', 'crash_loop'),
      createTestConfig(crashLoopSchema, {}),
      seen,
    )
    const config = createTestConfig(systemdSchema, { address: lab.busAddress, batch_timeout: '0s' })
    const receiver = createSystemdReceiver(settings('receiver', 'systemd'), config, loops)
    parts = [receiver, loops]
    const host = new TestHost()
    await loops.start(host)
    await receiver.start(host)
    await waitFor('the receiver to be ready', () => host.last?.state === 'ok')
  })
  afterAll(async () => {
    for (const part of parts ?? []) await part.shutdown()
    await lab?.close()
  })

  it('five starts in a second: told at the third crash, and that systemd gave up', async () => {
    await lab.exec(['systemctl', 'start', 'at-once.service'], { allowFailure: true })
    await waitFor('systemd to give up', () => found('at-once.service').length >= 2)
    expect(found('at-once.service')).toEqual(['detected rapid', 'updated start_limit'])
    const [detected] = of('at-once.service').filter(({ name }) => name === crashLoop.detected)
    expect(detected!.attributes[crashLoop.count]).toBe(3)
  })

  it('restarted by hand again and again, failing at each stop: none', async () => {
    for (let n = 1; n <= 5; n++) {
      await lab.systemctl('restart', 'grumpy.service')
      await waitFor(`restart ${n}`, () => told('grumpy.service', names.restarted) === n)
    }
    expect(told('grumpy.service', names.failed)).toBe(5)
    expect(found('grumpy.service')).toEqual([])
  })

  it('a good version deployed again and again: none; one that crashes is told', async () => {
    for (let n = 1; n <= 4; n++) {
      lab.writeUnit('deployed.service', `${good}Environment=VERSION=${n}\n`)
      await lab.daemonReload()
      await lab.systemctl('restart', 'deployed.service')
      await waitFor(`version ${n}`, () => told('deployed.service', names.restarted) === n)
    }
    expect(found('deployed.service')).toEqual([])
    lab.writeUnit('deployed.service', good.replace('/bin/sleep infinity', '/bin/false'))
    await lab.daemonReload()
    await lab.exec(['systemctl', 'restart', 'deployed.service'], { allowFailure: true })
    await waitFor('the crash loop', () => found('deployed.service').length > 0)
    expect(found('deployed.service')[0]).toMatch(/^detected (rapid|start_limit)$/)
  })
})
