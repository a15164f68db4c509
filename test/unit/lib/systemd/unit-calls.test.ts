import { expect, test } from 'vitest'
import { readConfigurations } from '../../../../src/lib/systemd/configuration-reader.js'
import { CallError, type ControlPlane } from '../../../../src/lib/systemd/control-plane.js'
import { readEach } from '../../../../src/lib/systemd/unit-calls.js'

const kGone = 'org.freedesktop.systemd1.NoSuchUnit'
const kUnknownObject = 'org.freedesktop.DBus.Error.UnknownObject'
const kUnknownProperty = 'org.freedesktop.DBus.Error.UnknownProperty'
const kTooMany = 'org.freedesktop.DBus.Error.LimitsExceeded'
const kNobody = 'org.freedesktop.DBus.Error.ServiceUnknown'

/** Asks about three units, of which b.service is answered with `errors`, one after the other, before it is answered. */
function readThree(...errors: readonly (string | undefined)[]) {
  const left = [...errors]
  return readEach(['a.service', 'b.service', 'c.service'], 1, async (name) => {
    if (name === 'b.service' && left.length > 0) throw new CallError('no', left.shift())
    return { name }
  })
}

test.each([
  ['systemd has it no more', [kGone], ['a', 'c']],
  ['nothing is there', [kUnknownObject], ['a', 'c']],
  ['the bus had too many calls waiting', [kTooMany], ['a', 'b', 'c']],
  ['the bus was busy, and now it is gone', [kTooMany, kGone], ['a', 'c']],
] as const)('a unit of which %s', async (_, errors, found) => {
  expect((await readThree(...errors)).map(({ name }) => name[0])).toEqual(found)
})

test.each([
  ['the bus goes on to refuse', [kTooMany, kTooMany]],
  ['systemd is not on the bus', [kNobody, kNobody]],
  ['nobody answers any more', [undefined]],
  ['the connection ends at the second try', [kTooMany, undefined]],
])('where %s no unit is taken for gone', async (_, errors) => {
  await expect(readThree(...errors)).rejects.toThrow(CallError)
})

test('a dependency that the bus refuses to ask for is not one that there is not', async () => {
  const answering = (error: string) => {
    let refused = false
    const getProperty = async (_unit: string, _iface: string, property: string): Promise<unknown> => {
      if (property === 'StopPropagatedFrom' && (error === kUnknownProperty || !refused)) {
        refused = true
        throw new CallError('no', error)
      }
      return property === 'StopPropagatedFrom' || property === 'Wants' ? ['x.service'] : undefined
    }
    return { getProperty } as unknown as ControlPlane
  }
  const read = async (error: string) => (await readConfigurations(answering(error), ['a.service']))[0]?.dependencies
  expect(await read(kUnknownProperty)).toEqual({ Wants: ['x.service'] }) // before systemd 249
  expect(await read(kTooMany)).toEqual({ Wants: ['x.service'], StopPropagatedFrom: ['x.service'] })
})
