import type { Pausable } from '../../util/pausable.js'

/** How a detector takes back what it has saved of units. */
export interface UnitsRestorer<S, T> {
  /** @throws where it is not of the form that was saved */
  read(saved: S): T
  keyOf(unit: T): string
  /** Of all that have been read, each: from here on nothing may fail. */
  take(unit: T): void
  /** Fewer units may be allowed than were: those heard of last are taken. */
  readonly max: number
}

/**
 * All of them or none: half would be believed although the file is set aside. Each step is the reading, or the taking, of one unit, so that
 * however many there are no turn of the event loop is longer for it (`inTurns`).
 *
 * @param saved - `SavedState` read back: it may be anything
 */
export function* restoreUnits<S, T>(saved: unknown, { read, keyOf, take, max }: UnitsRestorer<S, T>): Pausable<void> {
  const { units } = saved as { readonly units: readonly S[] }
  if (!Array.isArray(units)) throw new Error('it has no units')
  const known = new Map<string, T>()
  for (const one of units as readonly S[]) {
    const unit = read(one)
    const key = keyOf(unit)
    if (known.has(key)) throw new Error('a unit is there twice')
    known.set(key, unit)
    yield
  }
  let tooMany = known.size - max
  for (const unit of known.values()) {
    if (tooMany-- > 0) continue
    take(unit)
    yield
  }
}
