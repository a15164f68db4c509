import type { Pausable } from '../../util/pausable.js'
import type { KeptBytes, Sheet, Spelled } from './sheet.js'
import type { Spelling } from './spelling.js'

/**
 * A quarter of a million series, `max_series` twice over when it is left out; those beyond are written each time. While it is
 * being taken a page is as large in any case: this is what may be there between two.
 */
const kMaxKeptBytes = 32 * 1024 * 1024

interface Made {
  readonly version: number
  readonly made: unknown
}

/**
 * What of one page is of use to the next one of its format: its text by blocks of rows, and what it took to know what stands
 * on it. Nothing of it is true by itself: all has the version of what it was made of, which is compared before it is used.
 */
export class KeptText {
  readonly #maxBytes: number
  readonly #made = new Map<unknown, Made>()
  /** By table and profile; undefined where the profile does not show the metric. */
  readonly #spelled = new WeakMap<object, Map<object, Spelled | undefined>>()
  #sheets: ReadonlySet<Sheet> = new Set()
  #bytes = 0

  constructor(maxBytes = kMaxKeptBytes) {
    this.#maxBytes = maxBytes
  }

  /** All bytes of text that are kept. */
  get bytes(): number {
    return this.#bytes
  }

  /** What was made for this key of the same version, or else is made now. */
  *once<T>(key: unknown, version: number, make: () => Pausable<T>): Pausable<T> {
    const known = this.#made.get(key)
    if (known?.version === version) return known.made as T
    const made = yield* make()
    this.#made.set(key, { version, made })
    return made
  }

  /** How a table is shown, asked for once: neither changes. */
  spelled(table: object, profile: object, spell: () => Spelling | undefined): Spelled | undefined {
    let byProfile = this.#spelled.get(table)
    if (byProfile === undefined) {
      byProfile = new Map()
      this.#spelled.set(table, byProfile)
    }
    if (!byProfile.has(profile)) {
      const spelling = spell()
      byProfile.set(profile, spelling && { spelling, sheet: [] })
    }
    return byProfile.get(profile)
  }

  /** Puts bytes in the place of those that stood there, if there is room. */
  keep(sheet: Sheet, block: number, kept: KeptBytes): void {
    const others = this.#bytes - (sheet[block]?.bytes.length ?? 0)
    const room = others + kept.bytes.length <= this.#maxBytes
    sheet[block] = room ? kept : undefined
    this.#bytes = room ? others + kept.bytes.length : others
  }

  /** From now on a page is of these: what was kept for others goes. All is counted anew. */
  settle(sheets: ReadonlySet<Sheet>): void {
    for (const sheet of this.#sheets) if (!sheets.has(sheet)) sheet.length = 0
    this.#sheets = sheets
    this.#bytes = 0
    for (const sheet of sheets) for (const kept of sheet) this.#bytes += kept?.bytes.length ?? 0
  }
}
