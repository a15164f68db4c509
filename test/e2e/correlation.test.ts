import { readFileSync, statSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { RawEvent } from '../../src/data/event.js'
import { attr, event } from '../../src/lib/systemd/names.js'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab } from '../lab/lab.js'
import { type Watch, watch } from './systemd-support.js'

/** By which an event is joined with the journal, the kernel's events, and other hosts' data. */
describeLab('what an event of a real systemd can be joined by', () => {
  let lab: Lab
  let watched: Watch

  beforeAll(async () => {
    lab = await bootLab()
    lab.writeUnit('steady.service', '[Service]\nExecStart=/bin/sleep 1000\n')
    lab.writeUnit('own.slice', '[Slice]\n')
    lab.writeUnit('sliced@.service', '[Service]\nSlice=own.slice\nExecStart=/bin/sleep 1000\n')
    lab.writeUnit('before@.service', '[Service]\nExecStart=/bin/sleep 1000\n')
    await lab.systemctl('daemon-reload')
    await lab.systemctl('start', 'dbus.service', 'before@1.service', 'sliced@1.service')
    watched = await watch(lab, { cgroup_root: lab.cgroupRoot })
  })
  afterAll(async () => {
    await watched?.close()
    await lab?.close()
  })

  const property = async (unit: string, name: string): Promise<string> =>
    (await lab.exec(['systemctl', 'show', '-P', name, unit])).stdout.trim()
  const of = (events: readonly RawEvent[], name: string, unit: string): RawEvent => {
    const found = events.find((one) => one.name === name && one.attributes[attr.unit] === unit)
    expect(found, `${name} of ${unit}`).toBeDefined()
    return found!
  }

  it('the start and the crash of a run have its cgroup ID, by which the kernel knows it', async () => {
    await lab.systemctl('start', 'steady.service')
    const started = of(await watched.take(), event.started, 'steady.service')
    const id = Number(await property('steady.service', 'ControlGroupId'))
    expect(statSync(`${lab.cgroupRoot}/system.slice/steady.service`).ino).toBe(id)
    const joined = {
      [attr.cgroupId]: id,
      [attr.slice]: 'system.slice',
      [attr.mainPid]: Number(await property('steady.service', 'MainPID')),
      [attr.invocationId]: await property('steady.service', 'InvocationID'),
    }
    expect(started.attributes).toMatchObject(joined)
    await lab.systemctl('kill', '-s', 'KILL', 'steady.service')
    expect(of(await watched.take(), event.failed, 'steady.service').attributes).toMatchObject(joined)
  })

  it('a unit that ran before the agent came has it, too; that of a template is in the slice systemd made for it', async () => {
    const id = Number(await property('before@1.service', 'ControlGroupId'))
    await lab.systemctl('stop', 'before@1.service')
    expect(of(await watched.take(), event.stopped, 'before@1.service').attributes).toMatchObject({
      [attr.cgroupId]: id,
      [attr.slice]: 'system-before.slice',
    })
  })

  it('a slice of its own is told', async () => {
    await lab.systemctl('stop', 'sliced@1.service')
    const stopped = of(await watched.take(), event.stopped, 'sliced@1.service')
    expect(stopped.attributes[attr.slice]).toBe('own.slice')
  })

  it('the resource names the machine and the boot as the journal does', async () => {
    await lab.systemctl('start', 'steady.service')
    const started = of(await watched.take(), event.started, 'steady.service')
    const [entry] = await lab.journal('-u', 'steady.service', '-n', '1')
    expect(started.resource.attributes).toMatchObject({
      'host.id': readFileSync('/etc/machine-id', 'utf8').trim(),
      'systemd.boot_id': entry!['_BOOT_ID'],
    })
    expect(entry!['_MACHINE_ID']).toBe(started.resource.attributes['host.id'])
  })

  it('the tree of another systemd than that on the bus gives no IDs', async () => {
    const other = await watch(lab)
    try {
      await lab.systemctl('restart', 'steady.service')
      const started = of(await other.take(), event.restarted, 'steady.service')
      expect(started.attributes).not.toHaveProperty([attr.cgroupId])
    } finally {
      await other.close()
    }
  })
})
