import { BodyReader, headerOf, kFixedHeaderBytes, lengthOf } from './message.js'

/** systemd's largest signals have about 2 KB. What claims more than this is no message of a bus that works. */
const kMaxMessageBytes = 16 * 2 ** 20
const kUnitPrefix = '/org/freedesktop/systemd1/unit/'
const kManagerPath = '/org/freedesktop/systemd1'

/**
 * Leaves out what is about units nobody asked for, from the raw bytes of a bus connection, as the unit filter of the live
 * receiver does: changes of their properties, their jobs, their coming and going. All else passes: it is little, and says
 * what one must know to read the rest (reloads, name owners).
 */
export class MessageFilter {
  readonly #wanted: (unit: string) => boolean
  #rest: Buffer = Buffer.alloc(0)
  /** From something that is no message on, nothing can be told apart: all passes, and the parser will say what is wrong. */
  #lost = false

  constructor(wanted: (unit: string) => boolean) {
    this.#wanted = wanted
  }

  /** Takes the next bytes of the stream; returns the whole messages that pass. A message's tail is kept for the next call. */
  feed(bytes: Uint8Array): Buffer {
    let data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (this.#rest.length > 0) data = Buffer.concat([this.#rest, data])
    const passed: Buffer[] = []
    let at = 0
    while (!this.#lost && data.length - at >= kFixedHeaderBytes) {
      const length = lengthOf(data, at)
      if (length === undefined || length > kMaxMessageBytes) {
        this.#lost = true
        break
      }
      if (data.length - at < length) break
      const message = data.subarray(at, at + length)
      const unit = unitOf(message)
      if (unit === undefined || this.#wanted(unit)) passed.push(message)
      at += length
    }
    if (this.#lost) {
      passed.push(data.subarray(at))
      at = data.length
    }
    this.#rest = Buffer.from(data.subarray(at))
    return Buffer.concat(passed)
  }
}

/** The one unit a message is about; undefined when there is none. */
function unitOf(message: Buffer): string | undefined {
  const { path, member, signature } = headerOf(message)
  if (path === undefined) return undefined
  if (path.startsWith(kUnitPrefix)) return unitName(path)
  if (path !== kManagerPath) return undefined
  const body = new BodyReader(message)
  if ((member === 'UnitNew' || member === 'UnitRemoved') && signature === 'so') return body.text()
  if ((member === 'JobNew' && signature === 'uos') || (member === 'JobRemoved' && signature === 'uoss')) {
    body.uint32()
    body.text()
    return body.text()
  }
  return undefined
}

/** Undoes sd_bus_path_encode(3). */
function unitName(path: string): string {
  const label = path.slice(kUnitPrefix.length)
  const bytes = label.replace(/_([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
