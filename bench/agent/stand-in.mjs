// A stand-in for systemd on a private bus, for more units and higher rates than a real one has here, with cgroups to go with them.
import { Flood } from '../lib/flood.mjs'
import { makeCgroups } from './cgroups.mjs'

/**
 * @param own of a scene @param {number} units
 * @returns what an agent's configuration needs (`busAddress`, `cgroupRoot`), and the flood
 */
export async function startStandIn(own, units) {
  const flood = await Flood.start('dbus-daemon', units)
  own({ close: () => flood.end() })
  const names = Array.from({ length: units }, (_, i) => `bench-${i}.service`)
  const { root } = own(await makeCgroups(names))
  return { busAddress: flood.address, cgroupRoot: root, flood }
}
