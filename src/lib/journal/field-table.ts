/** Finds the slot of a field by the bytes of its name, without making a string of it. */
export class FieldTable {
  /** By length of the name: few of one length are ever asked for. */
  readonly #byLength: { readonly name: Buffer; readonly slot: number }[][] = []

  constructor(fields: readonly string[]) {
    for (const [slot, field] of fields.entries()) {
      const name = Buffer.from(field, 'latin1')
      this.#byLength[name.length] ??= []
      this.#byLength[name.length]!.push({ name, slot })
    }
  }

  /** The slot of the name at `start` up to `end`; -1 for one that nobody asked for. */
  find(bytes: Buffer, start: number, end: number): number {
    const candidates = this.#byLength[end - start]
    if (candidates === undefined) return -1
    for (let at = 0; at < candidates.length; at++) {
      const { name, slot } = candidates[at]!
      // From the end: names begin alike (_SYSTEMD_, _SOURCE_).
      let byte = name.length - 1
      while (byte >= 0 && name[byte] === bytes[start + byte]) byte--
      if (byte < 0) return slot
    }
    return -1
  }
}
