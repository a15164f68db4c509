import { describe, expect, test } from 'vitest'
import { CallError, type ControlPlane } from '../../../../src/lib/systemd/control-plane.js'
import { PolledUnits, sockets, type UpUnit } from '../../../../src/lib/systemd/polled-units.js'
import { timedPoints } from '../../../support/timed-points.js'

/** Sockets of a systemd in memory, for what a real one does not do on demand. */
function world() {
  const units = new Map<string, Record<string, unknown>>()
  const asked: string[] = []
  let nowNs = 0n
  const plane = {
    async getProperty(unit: string, _iface: string, property: string): Promise<unknown> {
      asked.push(`${unit} ${property}`)
      const properties = units.get(unit)
      if (properties === undefined) throw new CallError('gone', 'org.freedesktop.systemd1.NoSuchUnit')
      return properties[property]
    },
  } as ControlPlane
  const polled = new PolledUnits(sockets)
  const up = (): UpUnit[] =>
    [...units.keys()].map((name) => ({ name, invocationId: 'a', resource: { key: name, attributes: {} } }))
  return {
    units,
    asked,
    polled,
    async read(at: bigint, list = up()) {
      nowNs = at
      asked.length = 0
      await polled.read(plane, list, () => nowNs)
    },
    told: (at: bigint) =>
      [...polled.metrics(at)].map((metric) => {
        const { startTimeUnixNano, timeUnixNano, value } = timedPoints(metric)[0]!
        return [metric.resource.key, metric.name.split('.').at(-1), value, startTimeUnixNano, timeUnixNano]
      }),
  }
}

const counted = (accepted: number) => ({ Accept: true, NAccepted: accepted, NConnections: 1, NRefused: 0 })

describe('figures that must be asked for', () => {
  test('a sum counts from its first reading, and anew from the one that found it fallen', async () => {
    const { units, read, told } = world()
    units.set('a.socket', counted(7))
    await read(10n)
    await read(20n)
    expect(told(25n)[0]).toEqual(['a.socket', 'accepted', 7, 10n, 20n])
    units.set('a.socket', counted(2))
    await read(30n)
    expect(told(35n)).toEqual([
      ['a.socket', 'accepted', 2, 30n, 30n],
      ['a.socket', 'current', 1, undefined, 30n],
      ['a.socket', 'refused', 0, 10n, 30n],
    ])
  })

  test('what systemd does not count is asked for once, and told as of now', async () => {
    const { units, asked, read, told } = world()
    units.set('a.socket', { ...counted(0), Accept: false })
    await read(10n)
    expect(asked).toHaveLength(4)
    await read(20n)
    expect(asked).toEqual([])
    expect(told(25n)[0]).toEqual(['a.socket', 'accepted', 0, 10n, 25n])
  })

  test('one pass asks for 100 sockets at most; the next begins with those that were left out', async () => {
    const { units, asked, read } = world()
    for (let n = 0; n < 150; n++) units.set(`s${n}.socket`, counted(n))
    await read(10n)
    const first = new Set(asked.map((one) => one.split(' ')[0]))
    expect(first.size).toBe(100)
    await read(20n)
    const second = asked.map((one) => one.split(' ')[0])
    for (let n = 100; n < 150; n++) expect(second).toContain(`s${n}.socket`)
    expect(new Set(second).size).toBe(100)
  })

  test('a unit that went is told of no more, whether systemd says so or nobody asks', async () => {
    const { units, read, told } = world()
    units.set('a.socket', counted(1))
    units.set('b.socket', counted(1))
    await read(10n)
    const both = [...units.keys()].map((name) => ({
      name,
      invocationId: 'a',
      resource: { key: name, attributes: {} },
    }))
    units.delete('a.socket')
    await read(20n, both)
    expect(told(25n).map(([unit]) => unit)).toEqual(['b.socket', 'b.socket', 'b.socket'])
    await read(30n, [])
    expect(told(35n)).toEqual([])
  })

  test('a systemd that does not answer is told of, and what was read stays', async () => {
    const { units, polled, read, told } = world()
    units.set('a.socket', counted(1))
    await read(10n)
    const silent = {
      getProperty: () => Promise.reject(new CallError('no answer within 5 s')),
    } as unknown as ControlPlane
    const list = [{ name: 'a.socket', invocationId: 'a', resource: { key: 'a.socket', attributes: {} } }]
    await expect(polled.read(silent, list, () => 20n)).rejects.toThrow('no answer')
    expect(told(25n)).toHaveLength(3)
  })

  test('what is not counted at all (IP accounting off) has no series', async () => {
    const { units, read, told } = world()
    units.set('a.socket', { Accept: true, NAccepted: 2n ** 64n - 1n, NConnections: 3, NRefused: 2n ** 64n - 1n })
    await read(10n)
    expect(told(15n)).toEqual([['a.socket', 'current', 3, undefined, 10n]])
  })
})
