import type { Settings } from '../../component/component.js'
import type { StateFile } from './state-file.js'

/** Tells that what should outlive the agent is not kept: in the log, once for each reason, and as the component's status. */
export class Keeping {
  readonly #settings: Settings
  readonly #what: string
  #failed = ''

  /** @param what - in words: `restart counters` */
  constructor(settings: Settings, what: string) {
    this.#settings = settings
    this.#what = what
  }

  /** At the start rather than at the first save, which may come minutes or a first incident later. */
  async look(file: Pick<StateFile<unknown>, 'prepare'> | undefined): Promise<void> {
    try {
      await file?.prepare()
    } catch (error) {
      this.#tell(error)
    }
  }

  saved(): void {
    if (this.#failed === '') return
    this.#failed = ''
    this.#settings.keeping?.(undefined)
  }

  notSaved(error: unknown): void {
    this.#settings.telemetry.error('state_not_saved')
    this.#tell(error)
  }

  #tell(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    const code = error instanceof Error && 'code' in error ? String(error.code) : reason
    if (code === this.#failed) return // a full disk stays full
    this.#failed = code
    const text = `${this.#what} cannot be kept: ${reason}`
    this.#settings.logger.warn(text)
    this.#settings.keeping?.(text)
  }
}
