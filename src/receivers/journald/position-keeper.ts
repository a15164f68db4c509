import type { Settings } from '../../component/component.js'
import { isCursor } from '../../lib/journal/cursor.js'
import { Keeping } from '../../lib/storage/keeping.js'
import { StateFile, statePath } from '../../lib/storage/state-file.js'
import type { Timer } from '../../util/clock.js'

/** A write and two syncs: what is delivered within this time is delivered again after a crash. */
const kSaveMs = 1000

/** Remembers on disk how far the journal was delivered. */
export class PositionKeeper {
  readonly #settings: Settings
  readonly #file: StateFile<string> | undefined
  readonly #keeping: Keeping
  #cursor: string | undefined
  #saved: string | undefined
  #timer: Timer | undefined
  #saving: Promise<void> = Promise.resolve()

  /** @param enabled - false keeps nothing, as does an agent without a state directory */
  constructor(settings: Settings, enabled: boolean) {
    this.#settings = settings
    this.#keeping = new Keeping(settings, 'the position in the journal')
    const path = enabled ? statePath(settings, 'journal_cursor') : undefined
    if (path !== undefined)
      this.#file = new StateFile({ path, content: 'journal_cursor', version: 1, parse: parseCursor })
  }

  /** The cursor of the last line delivered before this process; undefined where none is known. */
  async load(): Promise<string | undefined> {
    const loaded = await this.#file?.load()
    await this.#keeping.look(this.#file)
    if (loaded?.kind === 'ok') return loaded.value
    if (loaded?.kind === 'damaged') {
      const { logger, telemetry } = this.#settings
      telemetry.error('state_damaged')
      logger.warn('the saved position in the journal cannot be used', { reason: loaded.reason, file: loaded.movedTo })
    }
    return undefined
  }

  /** Everything up to this cursor was delivered. */
  advance(cursor: string): void {
    this.#cursor = cursor
    if (this.#file === undefined) return
    this.#timer ??= this.#settings.clock.after(kSaveMs, () => {
      this.#timer = undefined
      this.#save()
    })
  }

  /** Resolves when the last position is on the disk. */
  async close(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#save()
    await this.#saving
  }

  #save(): void {
    const cursor = this.#cursor
    if (this.#file === undefined || cursor === undefined || cursor === this.#saved) return
    this.#saving = this.#file.save(cursor).then(
      () => {
        this.#saved = cursor
        this.#keeping.saved()
      },
      (error: unknown) => this.#keeping.notSaved(error),
    )
  }
}

function parseCursor(json: unknown): string {
  if (!isCursor(json)) throw new Error('it holds no cursor')
  return json
}
