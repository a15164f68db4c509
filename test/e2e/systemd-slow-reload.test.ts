import { expect, it } from 'vitest'
import { attr, event } from '../../src/lib/systemd/names.js'
import { describeLab } from '../lab/describe-lab.js'
import { withLab } from '../lab/lab.js'
import { isGap, watch } from './systemd-support.js'

const units = ['steady.service', 'other.service']
/** Where the systemd of a lab looks for generators: the machine's own would not do there. */
const kGenerators = '/nonexistent'
/** Longer than the time after which a receiver asks whether the reload is over. */
const kGeneratorSeconds = 33

describeLab('a daemon-reload that a generator holds up', () => {
  it('longer than 30 s: said as an outage, and no unit has stopped', async () => {
    await withLab(async (lab) => {
      for (const unit of units) lab.writeUnit(unit, '[Service]\nExecStart=/bin/sleep infinity\n')
      await lab.daemonReload()
      await lab.systemctl('start', ...units)
      const watched = await watch(lab)
      await watched.take()
      lab.writeFile(`${kGenerators}/slow`, `#!/bin/sh\nsleep ${kGeneratorSeconds}\n`, 0o755)
      await lab.exec(['systemctl', 'daemon-reload'], { timeoutMs: 120_000 })
      await watched.ready()
      const events = await watched.take()
      expect(events.filter(isGap).map((one) => one.attributes[attr.gapReason])).toEqual(['reload'])
      expect(
        events.filter(({ name }) => name !== event.gap).map((one) => `${one.name} ${one.attributes[attr.unit]}`),
      ).toEqual([])
      expect(watched.host.reports).toContainEqual({
        state: 'degraded',
        reason: 'systemd does not answer: Ping: no answer within 5 s',
      })
      await lab.systemctl('restart', 'other.service')
      expect((await watched.take()).map(({ name }) => name)).toContain(event.restarted)
      await watched.close()
    })
  })
})
