import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MethodCall } from '../../../../src/lib/dbus/call.js'
import { unitPath } from '../../../../src/lib/systemd/object-path.js'
import { readByOther } from './oracle.js'

const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,20}(\.[a-z][a-z0-9_]{0,20}){1,3}$/)
const member = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,30}$/)
const args = fc.array(
  fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
  { maxLength: 3 },
)

test('a call is read as it was meant, for each path and serial, wherever it is written', () => {
  fc.assert(
    fc.property(
      name,
      name,
      member,
      args,
      fc.string(),
      fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      fc.nat({ max: 9 }),
      (destination, iface, method, strings, unit, serial, at) => {
        const call = new MethodCall({ destination, iface, member: method, args: strings })
        for (const path of [unitPath(unit), '/a']) {
          const size = call.size(path)
          const room = Buffer.alloc(at + size + 1, 0xee)
          call.write(room, at, serial, path)
          expect([room[at + size], at === 0 ? 0xee : room[at - 1]]).toEqual([0xee, 0xee])
          const { body, signature, ...read } = readByOther(Buffer.from(room.subarray(at, at + size)))
          expect(read).toEqual({ type: 1, flags: 0, serial, destination, interface: iface, member: method, path })
          expect([signature ?? '', body ?? []]).toEqual(['s'.repeat(strings.length), strings])
        }
      },
    ),
  )
})
