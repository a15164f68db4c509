import type { RawEvent } from '../../data/event.js'
import type { Detection, OpenFinding } from './detector.js'

/** What was said of a finding: first, and last. */
interface Said {
  readonly firstNano: bigint
  readonly newest: RawEvent
}

/** As many findings as are told of. Where more are open, what was said longest ago is forgotten. */
const kMaxHeld = 1024

/** The newest event of each finding that is not over: what a person reads who asks what is open. */
export class LastWords {
  readonly #said = new Map<string, Said>()

  hear({ phase, unit, kind }: Detection, event: RawEvent): void {
    const key = keyOf({ unit, kind })
    const before = phase === 'detected' ? undefined : this.#said.get(key)
    const firstNano = before?.firstNano ?? event.timeUnixNano
    this.#said.delete(key)
    if (phase === 'cleared') return
    this.#said.set(key, { firstNano, newest: event })
    if (this.#said.size > kMaxHeld) this.#said.delete(this.#said.keys().next().value!)
  }

  /** Forgets those that are not open. */
  retain(open: ReadonlyMap<string, OpenFinding>): void {
    for (const key of this.#said.keys()) if (!open.has(key)) this.#said.delete(key)
  }

  /** Undefined for one of which nothing was said since the agent began. */
  of(finding: OpenFinding): Said | undefined {
    return this.#said.get(keyOf(finding))
  }
}

/** Of one pattern. */
export function keyOf({ unit, kind }: Pick<OpenFinding, 'unit' | 'kind'>): string {
  return `${unit.key} ${kind}`
}
