import type { Member } from './member.js'

/**
 * Units of incidents from an earlier life of the agent of which nothing was heard since. One of them is gone when, for so long
 * after the first reading of any unit's state, none has come of it; where no states are read, nothing is known.
 */
export class Unheard {
  readonly #members = new Set<Member>()
  readonly #waitMs: number
  #dueMs = Infinity

  constructor(waitMs: number) {
    this.#waitMs = waitMs
  }

  /** When `take` has something to say, if nothing happens until then; infinite for never. */
  get dueMs(): number {
    return this.#members.size === 0 ? Infinity : this.#dueMs
  }

  add(member: Member): void {
    this.#members.add(member)
  }

  delete(member: Member): void {
    this.#members.delete(member)
  }

  /** A state was read: of that unit, or of another one. */
  read(member: Member | undefined, nowMs: number): void {
    if (this.#members.size === 0) return
    if (this.#dueMs === Infinity) this.#dueMs = nowMs + this.#waitMs
    if (member !== undefined) this.#members.delete(member)
  }

  /** Those that are gone, once. */
  take(nowMs: number): Member[] {
    if (nowMs < this.dueMs) return []
    const gone = [...this.#members]
    this.#members.clear()
    return gone
  }
}
