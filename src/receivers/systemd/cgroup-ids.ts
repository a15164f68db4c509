import { statSync } from 'node:fs'
import { cgroupOfUnit, defaultSlice, userManagerCgroup } from '../../lib/cgroup/unit-path.js'
import type { ControlPlane } from '../../lib/systemd/control-plane.js'
import type { UnitCgroup } from '../../lib/systemd/tracked-unit.js'
import { typeOfUnit } from '../../lib/systemd/unit-types.js'

/** Unit types that have processes, or units that have. */
const withCgroup: ReadonlySet<string> = new Set(['service', 'scope', 'slice', 'socket', 'mount', 'swap'])

/** Set up by the manager itself and never removed: in every systemd's tree. */
const kProof = 'init.scope'

/**
 * Finds the cgroups of units by their paths, without a question to systemd: a stat of 4 us where a property is 30 us of PID 1
 * and comes too late for a unit that has just started.
 *
 * Whether the tree found here is that of the systemd on the bus is asked once per connection: an agent may watch the bus
 * of a container from outside. Until that is proven no unit has an ID.
 */
export class CgroupIds {
  readonly #root: string | undefined
  readonly #scope: 'system' | 'user'
  readonly #base: string
  #proven = false

  /** @param root - mount point of cgroup v2; undefined where there is none */
  constructor(root: string | undefined, scope: 'system' | 'user', uid: number) {
    this.#root = root
    this.#scope = scope
    this.#base = scope === 'user' ? userManagerCgroup(uid) : ''
  }

  /** @throws {CallError} when nobody answers */
  async prove(plane: Pick<ControlPlane, 'getProperty'>): Promise<void> {
    const here = this.#stat(`${this.#base}/${kProof}`)
    if (here === undefined) {
      this.#proven = false
      return
    }
    // systemd has the property since 252; before that it answers with an error, which a connection that is over does not.
    const id = await plane.getProperty(kProof, 'org.freedesktop.systemd1.Scope', 'ControlGroupId').catch((error) => {
      if (error instanceof Error && 'dbusName' in error && error.dbusName !== undefined) return undefined
      throw error
    })
    this.#proven = (typeof id === 'bigint' || typeof id === 'number') && Number(id) === here.ino
  }

  /** @param slice - as far as it is known, else the default one is tried */
  find(unit: string, slice: string): UnitCgroup | undefined {
    if (!this.#proven || !withCgroup.has(typeOfUnit(unit))) return undefined
    const tried = slice === '' ? defaultSlice(unit, this.#scope) : slice
    const found = this.#stat(cgroupOfUnit(unit, tried, this.#base))
    return found && { id: found.ino, slice: tried, changedUsec: found.ctimeMs * 1000 }
  }

  #stat(path: string): { readonly ino: number; readonly ctimeMs: number } | undefined {
    if (this.#root === undefined) return undefined
    try {
      return statSync(this.#root + path, { throwIfNoEntry: false })
    } catch {
      return undefined // not allowed to look, or a name that no file can have
    }
  }
}
