import type { Attributes } from '../../data/attributes.js'

/** The attributes of what is read from a block device, and of what is written to it. */
export interface DeviceAttributes {
  readonly read: Attributes
  readonly write: Attributes
}

/** A host has some ten; those of a machine with thousands of volumes are made anew each time. */
const kMaxKnown = 1024
const known = new Map<number, DeviceAttributes>()

/** Shared by all cgroups. */
export function deviceAttributes(major: number, minor: number): DeviceAttributes {
  const key = major * 2 ** 32 + minor // dev_t has at most 32 bits for each
  let found = known.get(key)
  if (found !== undefined) return found
  const device = { 'system.device': `${major}:${minor}` }
  found = {
    read: Object.freeze({ ...device, 'disk.io.direction': 'read' }),
    write: Object.freeze({ ...device, 'disk.io.direction': 'write' }),
  }
  if (known.size < kMaxKnown) known.set(key, found)
  return found
}
