// D-Bus messages of systemd's, marshalled from the specification: little-endian, as PID 1 sends them.

class Wire {
  readonly #parts: number[] = []

  get size(): number {
    return this.#parts.length
  }
  align(to: number): this {
    while (this.#parts.length % to !== 0) this.#parts.push(0)
    return this
  }
  bytes(...values: readonly number[]): this {
    for (const value of values) this.#parts.push(value)
    return this
  }
  u32(value: number): this {
    this.align(4)
    return this.bytes(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24)
  }
  text(value: string): this {
    return this.bytes(...Buffer.from(value), 0)
  }
  string(value: string): this {
    return this.u32(Buffer.byteLength(value)).text(value)
  }
  signature(value: string): this {
    return this.bytes(value.length).text(value)
  }
  /** An array of elements that are aligned to 8. */
  array(fill: (out: Wire) => void): this {
    this.u32(0)
    const at = this.#parts.length - 4
    this.align(8)
    const start = this.#parts.length
    fill(this)
    new Wire().u32(this.#parts.length - start).#parts.forEach((byte, i) => {
      this.#parts[at + i] = byte
    })
    return this
  }
  done(): Buffer {
    return Buffer.from(this.#parts)
  }
}

export type Field = readonly [code: number, type: string, value: string | number]

export function message(type: number, fields: readonly Field[], body: Buffer): Buffer {
  const head = new Wire().bytes(0x6c, type, 1, 1).u32(body.length).u32(7)
  head.array((out) => {
    for (const [code, kind, value] of fields) {
      out.align(8).bytes(code).signature(kind)
      if (typeof value === 'number') out.u32(value)
      else if (kind === 'g') out.signature(value)
      else out.string(value)
    }
  })
  return Buffer.concat([head.align(8).done(), body])
}

/** The answer to the call of this serial. */
export const reply = (serial: number): Buffer => message(2, [[5, 'u', serial]], Buffer.alloc(0))

export function unitNew(unit: string): Buffer {
  const fields: Field[] = [
    [1, 'o', '/org/freedesktop/systemd1'],
    [2, 's', 'org.freedesktop.systemd1.Manager'],
    [3, 's', 'UnitNew'],
    [8, 'g', 'so'],
  ]
  return message(4, fields, new Wire().string(unit).string('/org/freedesktop/systemd1/unit/x').done())
}

/** PropertiesChanged of the Unit interface with an ActiveState. */
export function unitChanged(unit: string, activeState: string): Buffer {
  const label = unit.replace(/[^A-Za-z0-9]/g, (c) => `_${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
  const fields: Field[] = [
    [1, 'o', `/org/freedesktop/systemd1/unit/${label}`],
    [2, 's', 'org.freedesktop.DBus.Properties'],
    [3, 's', 'PropertiesChanged'],
    [8, 'g', 'sa{sv}as'],
  ]
  const body = new Wire().string('org.freedesktop.systemd1.Unit')
  body.array((out) => out.align(8).string('ActiveState').signature('s').string(activeState))
  return message(4, fields, body.u32(0).done())
}
