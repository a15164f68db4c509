import type { Settings } from '../../component/component.js'
import { Keeping } from '../../lib/storage/keeping.js'
import { StateFile, statePath } from '../../lib/storage/state-file.js'
import { kTrackerStateVersion, parseTracker, type SavedTracker } from '../../lib/systemd/tracker-state.js'
import type { UnitTracker } from '../../lib/systemd/unit-tracker.js'
import type { Timer } from '../../util/clock.js'

/** What a kill -9 may cost: restarts and failures of this time are known from NRestarts and the journal alone. */
const kSaveMs = 5000
/** Even when nothing happens, so that it is known until when nothing has. */
const kIdleSaveMs = 60_000
/** A file of so many bytes each 5 s is no burden to a disk; larger ones are written less often. */
const kUnitsPerSave = 2048

const content = 'restart_counters'

/** Keeps restart counters, and what is needed to go on counting, in the state directory. */
export class KeptCounts {
  readonly #settings: Settings
  readonly #tracker: UnitTracker
  readonly #bootId: string
  readonly #file: StateFile<SavedTracker> | undefined
  readonly #keeping: Keeping
  #timer: Timer | undefined
  #savedRevision = -1
  #waitedMs = 0

  constructor(settings: Settings, tracker: UnitTracker, bootId: string) {
    this.#settings = settings
    this.#tracker = tracker
    this.#bootId = bootId
    this.#keeping = new Keeping(settings, 'restart counters')
    const path = statePath(settings, content)
    if (path !== undefined)
      this.#file = new StateFile({ path, content, version: kTrackerStateVersion, parse: parseTracker })
  }

  /** Gives the tracker what was kept. A file that cannot be used is set aside and told: counting begins anew. */
  async load(accepts: (unit: string) => boolean): Promise<void> {
    const { logger, telemetry } = this.#settings
    const loaded = await this.#file?.load()
    await this.#keeping.look(this.#file)
    if (loaded?.kind === 'ok') this.#tracker.accounts.restore(loaded.value, this.#bootId, accepts)
    if (loaded?.kind !== 'damaged') return
    telemetry.error('state_damaged')
    const { reason, movedTo } = loaded
    logger.warn(`restart counters begin anew, the file that kept them cannot be used: ${reason}`, { movedTo })
  }

  /** @param untilNs - up to when all that happened has been told now; undefined while that is not known */
  start(untilNs: () => bigint | undefined): void {
    if (this.#file === undefined) return
    this.#timer = this.#settings.clock.every(kSaveMs, () => {
      this.#waitedMs += kSaveMs
      const unchanged = this.#tracker.accounts.revision === this.#savedRevision
      const units = this.#tracker.size + this.#tracker.remembered
      const leastMs = unchanged ? kIdleSaveMs : kSaveMs * Math.ceil(units / kUnitsPerSave)
      if (this.#waitedMs >= leastMs) void this.#save(untilNs())
    })
  }

  /** After the first reading: an agent that is killed within its first seconds is missed as well. */
  saveFirst(): void {
    if (this.#timer !== undefined && this.#savedRevision < 0) void this.#save(undefined)
  }

  async close(untilNs: bigint | undefined): Promise<void> {
    this.#timer?.cancel()
    // Before the first reading there is nothing to keep, and what was kept may still be of use.
    if (this.#timer !== undefined) await this.#save(untilNs)
    this.#timer = undefined
  }

  async #save(untilNs: bigint | undefined): Promise<void> {
    if (this.#file === undefined || this.#tracker.accounts.revision === 0) return
    this.#waitedMs = 0
    this.#savedRevision = this.#tracker.accounts.revision
    try {
      await this.#file.save(this.#tracker.accounts.save(this.#bootId, untilNs))
      this.#keeping.saved()
    } catch (error) {
      this.#keeping.notSaved(error)
    }
  }
}
