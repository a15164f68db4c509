import type { ProtobufWriter } from './protobuf-writer.js'

/**
 * Encodes what comes again in each request, such as a resource, only once. By identity, for records are never changed, and
 * as text of a byte per character, which takes half of what a Buffer does. What is forgotten elsewhere is forgotten here.
 */
export class Prepared<T extends object> {
  readonly #encode: (writer: ProtobufWriter, content: T) => void
  readonly #lasts: (content: T) => boolean
  readonly #known = new WeakMap<T, string>()

  /** @param lasts - whether it will come again; what will not is encoded and not kept */
  constructor(encode: (writer: ProtobufWriter, content: T) => void, lasts: (content: T) => boolean) {
    this.#encode = encode
    this.#lasts = lasts
  }

  write(writer: ProtobufWriter, content: T): void {
    const known = this.#known.get(content)
    if (known !== undefined) return void writer.put(known)
    const from = writer.length
    this.#encode(writer, content)
    if (this.#lasts(content)) this.#known.set(content, writer.since(from))
  }
}
