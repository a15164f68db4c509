import assert from 'node:assert/strict'
import type { Extension, ExtensionFactory } from '../../component/component.js'
import { FakeClock } from '../fake-clock.js'
import { TestHost, testSettings } from '../test-settings.js'
import { type ContractCase, configOf, drive, factoryCases, type Subject } from './contract-case.js'

export type ExtensionSubject = Subject<ExtensionFactory>

/** The promises of an extension. The clock is a FakeClock. */
export function extensionContract(subject: ExtensionSubject): readonly ContractCase[] {
  return [
    ...factoryCases(subject),
    {
      name: 'shutdown is safe without start, and twice',
      async run() {
        const rig = await makeRig(subject)
        await rig.stop()
        await rig.stop()
      },
    },
    {
      name: 'shutdown right after start ends, twice is safe, and no timer is left',
      async run() {
        const rig = await makeRig(subject)
        await rig.start()
        await rig.stop()
        await rig.stop()
        assert.equal(rig.clock.pending, 0, 'a timer is left after shutdown')
      },
    },
    {
      name: 'one that has stopped leaves its place to another one',
      async run() {
        const config = await configOf(subject)
        for (let run = 0; run < 2; run++) {
          const rig = await makeRig(subject, config)
          await rig.start()
          await rig.stop()
        }
      },
    },
  ]
}

async function makeRig(subject: ExtensionSubject, config?: never) {
  const clock = new FakeClock()
  const settings = testSettings('extension', subject.factory.type, { clock })
  const extension: Extension = subject.factory.create(settings, config ?? (await configOf(subject)))
  return {
    clock,
    start: () => drive('start', clock, extension.start(new TestHost())),
    stop: () => drive('shutdown', clock, extension.shutdown()),
  }
}
