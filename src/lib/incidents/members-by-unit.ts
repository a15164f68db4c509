import type { Incident } from './incident.js'
import type { Member } from './member.js'

export interface KnownMember {
  readonly incident: Incident
  readonly member: Member
}

/** The units in incidents. A map for each manager: each event is looked up, and a key of both names would be made for each. */
export class MembersByUnit {
  readonly #byScope = new Map<string, Map<string, KnownMember>>()

  get(scope: string, unit: string): KnownMember | undefined {
    return this.#byScope.get(scope)?.get(unit)
  }

  set(known: KnownMember): void {
    const { scope, unit } = known.member
    let units = this.#byScope.get(scope)
    if (units === undefined) {
      units = new Map()
      this.#byScope.set(scope, units)
    }
    units.set(unit, known)
  }

  delete({ scope, unit }: Member): void {
    this.#byScope.get(scope)?.delete(unit)
  }
}
