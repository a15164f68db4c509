import type { StringSchema } from '../component/schema.js'
import { parseDuration } from '../util/duration.js'
import { parseSize } from '../util/size.js'
import { TimeZone } from '../util/time-zone.js'
import { parseWallTime } from '../util/wall-time.js'
import { printable } from './problems.js'

type Format = NonNullable<StringSchema['format']>

/** A string format: how messages name it, and what is wrong with a text (undefined when nothing is). */
interface FormatRule {
  readonly noun: string
  complaint(text: string): string | undefined
}

const anything = (noun: string): FormatRule => ({ noun, complaint: () => undefined })

export const formats: Readonly<Record<Format, FormatRule>> = {
  duration: { noun: 'a duration such as 10s', complaint: (text) => reasonOf(parseDuration(text)) },
  size: { noun: 'a size such as 64MiB', complaint: (text) => reasonOf(parseSize(text)) },
  endpoint: { noun: 'an address such as 127.0.0.1:4317 or unix:///run/x.sock', complaint: endpointComplaint },
  secret: anything('text'),
  // Compiled, and complained of, by the component that runs it.
  cel: anything('a CEL expression'),
  // Looked up where all of the file is known.
  extension: anything('the id of an extension'),
  // Looked at, where no other thing is wrong, in file-references.ts.
  existing_file: anything('the path of a file'),
  secret_file: anything('the path of a file'),
  key_file: anything('the path of a file'),
  certificate_file: anything('the path of a file'),
  output_file: anything('the path of a file'),
  state_folder: anything('the path of a folder'),
  private_folder: anything('the path of a folder'),
  wall_time: { noun: 'a time such as 22:00', complaint: (text) => reasonOf(parseWallTime(text)) },
  time_zone: { noun: 'a time zone such as Europe/Berlin', complaint: timeZoneComplaint },
}

function timeZoneComplaint(text: string): string | undefined {
  try {
    new TimeZone(text)
    return undefined
  } catch {
    return `there is no time zone "${printable(text, 80)}": IANA names them, such as Europe/Berlin or UTC`
  }
}

function reasonOf(parsed: unknown): string | undefined {
  return typeof parsed === 'object' && parsed !== null && 'reason' in parsed ? String(parsed.reason) : undefined
}

/** sun_path of unix(7) has 108 bytes, one of them for the closing zero. */
const kMaxSocketPath = 107

/** An endpoint cut into what matters here. */
function parseEndpoint(text: string): { host: string; port: string | undefined; socket?: string } {
  if (text.startsWith('unix:')) return { host: '', port: undefined, socket: text.replace(/^unix:(\/\/)?/, '') }
  const match = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(text)
  return match === null ? { host: text, port: undefined } : { host: match[1]!, port: match[2] }
}

function endpointComplaint(text: string): string | undefined {
  const quoted = `"${printable(text, 80)}"`
  const { host, port, socket } = parseEndpoint(text)
  if (socket !== undefined) {
    if (!socket.startsWith('/')) return `${quoted} needs an absolute path: unix:///run/x.sock`
    return Buffer.byteLength(socket) <= kMaxSocketPath ? undefined : `${quoted} is longer than ${kMaxSocketPath} bytes`
  }
  if (/^[0-9]+$/.test(text)) return `${quoted} has no host: did you mean "127.0.0.1:${text}"?`
  if (/^[a-z]+:\/\//.test(text)) return `${quoted} is a URL: write host:port alone`
  if (text.split(':').length > 2 && !text.startsWith('['))
    return `${quoted}: an IPv6 address needs brackets: "[::1]:4317"`
  if (port === undefined) return `${quoted} has no port: write host:port`
  if (host === '') return `${quoted} has no host: did you mean "127.0.0.1:${printable(port)}"?`
  if (!/^(\[[0-9a-fA-F:.]+(%[A-Za-z0-9_.-]+)?\]|[A-Za-z0-9_.-]+)$/.test(host))
    return `${quoted} has no valid host before the port`
  if (!/^[0-9]{1,5}$/.test(port)) return `${quoted} has no valid port: write a number from 1 to 65535`
  if (Number(port) < 1 || Number(port) > 65535) return `${quoted} has the port ${port}: it must be from 1 to 65535`
  return undefined
}

/** Whether an endpoint means every address of the machine. */
export function isWildcard(text: string): boolean {
  const { host } = parseEndpoint(text)
  return host === '0.0.0.0' || /^\[(0*:)+0*(0\.0\.0\.0)?\]$/.test(host)
}
