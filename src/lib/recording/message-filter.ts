const kFixedHeaderBytes = 16
/** D-Bus specification, "Message Protocol": 128 MiB per message. */
const kMaxMessageBytes = 128 * 2 ** 20
const kUnitPrefix = '/org/freedesktop/systemd1/unit/'
const kPathField = 1

/**
 * Leaves out the messages of units nobody asked for, from the raw bytes of a bus connection. Messages that are not about
 * one unit (jobs, reload, name owners) pass: they are few, and what they say is needed to read the others.
 */
export class MessageFilter {
  readonly #wanted: (unit: string) => boolean
  #rest: Buffer = Buffer.alloc(0)

  constructor(wanted: (unit: string) => boolean) {
    this.#wanted = wanted
  }

  /** Takes the next bytes of the stream; returns the whole messages that pass. A message's tail is kept for the next call. */
  feed(bytes: Uint8Array): Buffer {
    let data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (this.#rest.length > 0) data = Buffer.concat([this.#rest, data])
    const passed: Buffer[] = []
    let at = 0
    while (data.length - at >= kFixedHeaderBytes) {
      const length = messageLength(data, at)
      if (length === undefined) {
        // Not a message: from here the stream cannot be followed, so all of it passes and the parser will say what is wrong.
        passed.push(data.subarray(at))
        at = data.length
        break
      }
      if (data.length - at < length) break
      const message = data.subarray(at, at + length)
      const path = pathOf(message)
      if (path === undefined || !path.startsWith(kUnitPrefix) || this.#wanted(unitOf(path))) passed.push(message)
      at += length
    }
    this.#rest = Buffer.from(data.subarray(at))
    return Buffer.concat(passed)
  }
}

function messageLength(data: Buffer, at: number): number | undefined {
  const little = data[at] === 0x6c
  if (!little && data[at] !== 0x42) return undefined
  const read = (offset: number): number => (little ? data.readUInt32LE(at + offset) : data.readUInt32BE(at + offset))
  const length = kFixedHeaderBytes + align(read(12), 8) + read(4)
  return length > kMaxMessageBytes ? undefined : length
}

/** The PATH header field, wherever it stands; undefined when there is none. */
function pathOf(message: Buffer): string | undefined {
  const little = message[0] === 0x6c
  const read = (offset: number): number => (little ? message.readUInt32LE(offset) : message.readUInt32BE(offset))
  const end = kFixedHeaderBytes + read(12)
  let at = kFixedHeaderBytes
  // Each field: struct of byte code, variant (signature `g`: length byte, text, NUL; then the value).
  while (at + 4 < end && end <= message.length) {
    const code = message[at]!
    const signature = message.toString('latin1', at + 2, at + 2 + message[at + 1]!)
    let value = at + 3 + signature.length
    if (signature === 'o' || signature === 's') {
      value = align(value, 4)
      if (value + 4 > end) return undefined
      const length = read(value)
      if (code === kPathField && signature === 'o') return message.toString('utf8', value + 4, value + 4 + length)
      value += 4 + length + 1
    } else if (signature === 'u') value = align(value, 4) + 4
    else if (signature === 'g') value += 1 + (message[value] ?? 0) + 1
    else return undefined
    at = align(value, 8)
  }
  return undefined
}

/** Undoes sd_bus_path_encode(3). */
function unitOf(path: string): string {
  const label = path.slice(kUnitPrefix.length)
  const bytes = label.replace(/_([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

function align(value: number, to: number): number {
  return Math.ceil(value / to) * to
}
