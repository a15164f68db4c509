import type { Settings } from '../../component/component.js'
import type { Pausable } from '../../util/pausable.js'
import { Keeping } from '../storage/keeping.js'
import { StateFile, statePath } from '../storage/state-file.js'
import type { Detector } from './detector.js'
import { readSavedText, savedText } from './saved-state.js'

/** What a kill -9 may cost of what was learned: baselines of hours and days lose nothing by five minutes. */
const kSaveMs = 300_000
const content = 'pattern'

/** Keeps what a detector has learned in the state directory, where there is one and the detector has something to keep. */
export class KeptState {
  readonly #settings: Settings
  readonly #detector: Detector
  readonly #file: StateFile<unknown> | undefined
  readonly #keeping: Keeping
  #savedAtMs: number
  #saving: Promise<void> | undefined

  /** @param version - of the form of what the detector saves */
  constructor(settings: Settings, detector: Detector, version: number) {
    this.#settings = settings
    this.#detector = detector
    this.#keeping = new Keeping(settings, 'what was learned')
    this.#savedAtMs = settings.clock.monotonicMs()
    const path = detector.save === undefined ? undefined : statePath(settings, content)
    // What reading throws makes the file one that cannot be used: so it restores, too.
    const nowMs = (): number => settings.clock.monotonicMs()
    if (path !== undefined)
      this.#file = new StateFile({ path, content, version, read: (text) => this.#read(text), nowMs })
  }

  *#read(text: Buffer): Pausable<void> {
    const saved = yield* readSavedText(text)
    const restoring = this.#detector.restore?.(saved)
    if (restoring !== undefined) yield* restoring
  }

  async load(): Promise<void> {
    const loaded = await this.#file?.load()
    await this.#keeping.look(this.#file)
    if (loaded?.kind !== 'damaged') return
    const { logger, telemetry } = this.#settings
    telemetry.error('state_damaged')
    logger.warn(`what was learned begins anew, the file that kept it cannot be used: ${loaded.reason}`, {
      movedTo: loaded.movedTo,
    })
  }

  /** Writes if that is due; to be called now and then. */
  touch(): void {
    if (this.#file === undefined || this.#saving !== undefined) return
    const nowMs = this.#settings.clock.monotonicMs()
    if (nowMs - this.#savedAtMs < kSaveMs) return
    this.#savedAtMs = nowMs
    this.#saving = this.#save().finally(() => {
      this.#saving = undefined
    })
  }

  async close(): Promise<void> {
    await this.#saving
    await this.#save()
  }

  async #save(): Promise<void> {
    const saved = this.#file === undefined ? undefined : this.#detector.save?.()
    if (this.#file === undefined || saved === undefined) return
    const { clock } = this.#settings
    try {
      await this.#file.saveText(savedText(saved), () => clock.monotonicMs())
      this.#keeping.saved()
    } catch (error) {
      this.#keeping.notSaved(error)
    }
  }
}
