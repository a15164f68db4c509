import type { Settings } from '../../component/component.js'
import {
  canBeKept,
  type KeptIncident,
  kIncidentsVersion,
  kMaxSavedIncidents,
  kMaxSavedMembers,
  parseIncidents,
  type SavedIncidents,
} from '../../lib/incidents/saved-incident.js'
import { Keeping } from '../../lib/storage/keeping.js'
import { StateFile, statePath } from '../../lib/storage/state-file.js'
import type { Timer } from '../../util/clock.js'

/** What a kill -9 may cost of an incident that was told of. */
const kSaveMs = 1000
/**
 * So many units, of 800 bytes, are 50 KB: of more it is written less often, up to each 10 s, for the journal tells once more
 * what came after the last write. So many, 200 KB, are written in a second at most, however many there are.
 */
const kUnitsPerSave = 64
const kMaxSaveMs = 10_000
const kMaxUnitsPerSecond = 256
/** So many lines of an incident's story are as large as a unit: 50 crash loops that have filled theirs are written each 4 s. */
const kMilestonesPerUnit = 16

const content = 'incidents'

/** Keeps the incidents that were told of in the state directory, where there is one. */
export class KeptIncidents {
  readonly #settings: Settings
  readonly #bootId: string
  readonly #file: StateFile<SavedIncidents> | undefined
  readonly #keeping: Keeping
  /** Oldest first. */
  readonly #read: () => Iterable<KeptIncident>
  #timer: Timer | undefined
  #writing: Promise<boolean> | undefined
  /** What waits for the write under way: nothing, a change, or one that goes at once. */
  #changed: 'no' | 'soon' | 'now' = 'no'
  /** Of the last write, in units. */
  #size = 0
  #closed = false

  constructor(settings: Settings, read: () => Iterable<KeptIncident>) {
    this.#settings = settings
    this.#read = read
    this.#keeping = new Keeping(settings, 'incidents')
    const bootId = settings.resources.host['systemd.boot_id']
    this.#bootId = typeof bootId === 'string' ? bootId : ''
    const path = statePath(settings, content)
    if (path !== undefined)
      this.#file = new StateFile({ path, content, version: kIncidentsVersion, parse: parseIncidents })
  }

  /** What an earlier life of the agent has kept, and whether that was in this boot. Nothing where it cannot be used. */
  async load(): Promise<{ readonly incidents: readonly KeptIncident[]; readonly sameBoot: boolean }> {
    const loaded = await this.#file?.load()
    await this.#keeping.look(this.#file)
    if (loaded?.kind === 'ok') return { ...loaded.value, sameBoot: loaded.value.bootId === this.#bootId }
    if (loaded?.kind === 'damaged') {
      const { logger, telemetry } = this.#settings
      const { reason, movedTo } = loaded
      telemetry.error('state_damaged')
      logger.warn(`incidents begin anew, the file that kept them cannot be used: ${reason}`, { movedTo })
    }
    return { incidents: [], sameBoot: true }
  }

  /** Something has changed: written within a second; at once, when an incident was just told of, or is over. */
  change(atOnce: boolean): void {
    if (this.#file === undefined) return
    if (atOnce || this.#changed === 'no') this.#changed = atOnce ? 'now' : 'soon'
    this.#schedule()
  }

  /** Writes how all stands at the end; false where nothing outlives the agent. */
  async close(): Promise<boolean> {
    this.#closed = true
    this.#timer?.cancel()
    return this.#file !== undefined && (await this.#write(this.#file))
  }

  #schedule(): void {
    const file = this.#file
    if (file === undefined || this.#closed || this.#writing !== undefined || this.#changed === 'no') return
    if (this.#changed === 'soon') {
      this.#timer ??= this.#settings.clock.after(waitMs(this.#size), () => {
        this.#timer = undefined
        this.#changed = 'now'
        this.#schedule()
      })
      return
    }
    this.#timer?.cancel()
    this.#timer = undefined
    this.#writing = this.#write(file)
    void this.#writing.then(() => {
      this.#writing = undefined
      this.#schedule()
    })
  }

  async #write(file: StateFile<SavedIncidents>): Promise<boolean> {
    this.#changed = 'no'
    try {
      await file.save({ bootId: this.#bootId, incidents: this.#take() })
      this.#keeping.saved()
      return true
    } catch (error) {
      this.#keeping.notSaved(error)
      return false
    }
  }

  /** As many as there is room for; the others begin anew after a restart, and are counted. */
  #take(): KeptIncident[] {
    const incidents: KeptIncident[] = []
    let units = 0
    let milestones = 0
    for (const incident of this.#read()) {
      const isRoom = incidents.length < kMaxSavedIncidents && units + incident.members.length <= kMaxSavedMembers
      if (!isRoom || !canBeKept(incident)) {
        this.#settings.telemetry.error('incidents_not_kept')
        continue
      }
      incidents.push(incident)
      units += incident.members.length
      milestones += incident.milestones.length
    }
    this.#size = units + milestones / kMilestonesPerUnit
    return incidents
  }
}

/** How long a change may wait where so many units are kept. */
function waitMs(units: number): number {
  const often = kSaveMs * Math.max(1, Math.ceil(units / kUnitsPerSave))
  return Math.max(Math.min(often, kMaxSaveMs), kSaveMs * Math.ceil(units / kMaxUnitsPerSecond))
}
