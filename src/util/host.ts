import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

/** Text of a file; throws where it cannot be read. */
export type ReadText = (path: string) => string

/**
 * What every resource says of the machine, by OTel's conventions where they exist: `host.name`, `host.id` (machine-id(5)) and
 * `systemd.boot_id`, both 32 hex digits as journald writes them. What cannot be read is left out: an image of a container
 * mostly has no machine ID, and needs the host's mounted.
 */
export function hostAttributes(
  read: ReadText = (path) => readFileSync(path, 'utf8'),
  name = hostname(),
): Readonly<Record<string, string>> {
  // dbus keeps its own copy where there is no systemd inside.
  const machine = idIn(read, '/etc/machine-id') ?? idIn(read, '/var/lib/dbus/machine-id')
  const boot = idIn(read, '/proc/sys/kernel/random/boot_id')
  return {
    'host.name': name,
    ...(machine === undefined ? {} : { 'host.id': machine }),
    ...(boot === undefined ? {} : { 'systemd.boot_id': boot }),
  }
}

/** A 128 bit ID in hex; undefined for anything else, such as the word `uninitialized` of a first boot. */
function idIn(read: ReadText, path: string): string | undefined {
  try {
    const id = read(path).trim().replaceAll('-', '')
    return /^(?!0{32})[0-9a-f]{32}$/.test(id) ? id : undefined
  } catch {
    return undefined
  }
}
