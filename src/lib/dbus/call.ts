import { align, field, kHeaderBytes, kLittle, kMessageTypes, kProtocolVersion } from './layout.js'

/** What a method call consists of, but for the object it is for. */
export interface CallFields {
  /** Well-known or unique name of who is called. */
  readonly destination: string
  readonly iface: string
  readonly member: string
  /** Strings only: systemd's properties are asked for with no other argument. */
  readonly args?: readonly string[]
}

/** Specification, "Message Format": fixed part, then each header field as a structure of code and variant. */
export class MethodCall {
  readonly member: string
  /** All in front of the path: the fixed part, and the other fields. */
  readonly #head: Buffer
  readonly #body: Buffer

  /** Made once for many calls: of those the path and the serial alone differ. */
  constructor({ destination, iface, member, args = [] }: CallFields) {
    this.member = member
    this.#body = bodyOf(args)
    const fixed = Buffer.alloc(kHeaderBytes)
    fixed.set([kLittle, kMessageTypes.methodCall, 0, kProtocolVersion])
    fixed.writeUInt32LE(this.#body.length, 4)
    const fields = [
      textField(field.destination, 's', destination),
      textField(field.interface, 's', iface),
      textField(field.member, 's', member),
    ]
    if (args.length > 0) fields.push(signatureField('s'.repeat(args.length)))
    this.#head = Buffer.concat([fixed, ...fields.map(padded)])
  }

  /** @param path - ASCII, as all object paths are */
  size(path: string): number {
    return align(this.#head.length + kTextFieldBytes + path.length + 1) + this.#body.length
  }

  /** Writes the message to `into` from `at` on, where there are `size(path)` bytes. */
  write(into: Buffer, at: number, serial: number, path: string): void {
    this.#head.copy(into, at)
    const pathAt = at + this.#head.length
    into.writeUInt32LE(kPathField, pathAt)
    into.writeUInt32LE(path.length, pathAt + 4)
    into.write(path, pathAt + kTextFieldBytes, 'latin1')
    const fieldsEnd = pathAt + kTextFieldBytes + path.length + 1
    const bodyAt = at + align(fieldsEnd - at)
    into.fill(0, fieldsEnd - 1, bodyAt)
    into.writeUInt32LE(serial, at + 8)
    into.writeUInt32LE(fieldsEnd - at - kHeaderBytes, at + 12)
    this.#body.copy(into, bodyAt)
  }
}

/** Code, signature of one type with its length and NUL, and the length of the text. */
const kTextFieldBytes = 8
/** Of these the first four bytes, where the field is the path. */
const kPathField = field.path | (1 << 8) | (0x6f << 16)

function textField(code: number, type: 's', text: string): Buffer {
  const head = Buffer.from([code, 1, type.charCodeAt(0), 0, 0, 0, 0, 0])
  head.writeUInt32LE(Buffer.byteLength(text), 4)
  return Buffer.concat([head, Buffer.from(`${text}\0`)])
}

function signatureField(signature: string): Buffer {
  return Buffer.from([field.signature, 1, 0x67, 0, signature.length, ...Buffer.from(`${signature}\0`)])
}

function bodyOf(args: readonly string[]): Buffer {
  let body = Buffer.alloc(0)
  for (const arg of args) {
    const head = Buffer.alloc(align(body.length, 4) - body.length + 4)
    head.writeUInt32LE(Buffer.byteLength(arg), head.length - 4)
    body = Buffer.concat([body, head, Buffer.from(`${arg}\0`)])
  }
  return body
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(align(bytes.length) - bytes.length)])
}
