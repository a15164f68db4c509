import { join } from 'node:path'
import type { Extension, Host, Settings } from '../../component/component.js'
import type { ComponentId } from '../../component/id.js'
import { RefusalError } from '../../errors.js'
import { codeOf, type Disk, systemDisk } from '../../lib/queue/disk.js'
import { DiskQueue } from '../../lib/queue/disk-queue.js'
import type { Overflow, QueueOwner } from '../../lib/queue/owner.js'
import { type OpenedQueue, type QueueStorage, queueStorages } from '../../lib/queue/storage.js'
import type { Config } from './config.js'

/** @param disk - another one in tests */
export function createFileQueue(settings: Settings, config: Config, disk: Disk = systemDisk): Extension {
  return new FileQueue(settings, config, disk)
}

/** The disk says that nothing can be written: others (no such folder, no permission) are mistakes of who set it up. */
const kReadOnly: ReadonlySet<string> = new Set(['EROFS', 'ENOSPC', 'EDQUOT', 'EIO'])

/** Opens a queue for each exporter that names this extension; exporters close theirs, so there is nothing left to stop. */
class FileQueue implements Extension, QueueStorage {
  readonly #settings: Settings
  readonly #config: Config
  readonly #disk: Disk
  #volatile: string | undefined
  #host: Host | undefined

  constructor(settings: Settings, config: Config, disk: Disk) {
    this.#settings = settings
    this.#config = config
    this.#disk = disk
    settings.telemetry.gauge('volatile', '1: queues are in memory, for the disk cannot be written', '1', () =>
      this.#volatile === undefined ? 0 : 1,
    )
  }

  async start(host: Host): Promise<void> {
    const folder = this.#folder
    if (folder === undefined)
      throw new RefusalError('no place for queues: set `directory`, or service.state_directory for all state')
    this.#host = host
    // Not before: of a changed configuration that cannot be, one is made and never started, while another is in use.
    this.#storages.set(this.#settings.id.id, this)
    host.report({ state: 'ok' })
    await this.#orVolatile(async () => {
      const above = this.#config.directory === undefined ? this.#settings.stateDirectory : undefined
      await this.#disk.prepareFolder(folder, above)
    })
  }

  async shutdown(): Promise<void> {
    const { id } = this.#settings.id
    if (this.#storages.get(id) === this) this.#storages.delete(id)
  }

  get #storages(): Map<string, QueueStorage> {
    return this.#settings.shared.get(queueStorages)
  }

  async open(component: ComponentId, overflow: Overflow, owner: QueueOwner): Promise<OpenedQueue> {
    const { max_bytes: maxBytes, fsync, fsync_interval: intervalMs } = this.#config
    // Started before, or the agent would not be here.
    const folder = join(this.#folder!, folderOf(component))
    const { clock } = this.#settings
    if (this.#volatile !== undefined) return { volatile: this.#volatile }
    const opened = await this.#orVolatile(() =>
      DiskQueue.open({ folder, maxBytes, fsync, intervalMs, overflow, clock, disk: this.#disk }, owner),
    )
    return opened ?? { volatile: this.#volatile! }
  }

  get #folder(): string | undefined {
    const { stateDirectory } = this.#settings
    return this.#config.directory ?? (stateDirectory === undefined ? undefined : join(stateDirectory, 'queue'))
  }

  /** Undefined: the disk cannot be written, and the configuration allows for that. */
  async #orVolatile<T>(use: () => Promise<T>): Promise<T | undefined> {
    try {
      return await use()
    } catch (error) {
      if (!kReadOnly.has(codeOf(error))) throw error
      const reason = `the disk of ${this.#folder} cannot be written: ${codeOf(error)}`
      if (!this.#config.allow_volatile)
        throw new RefusalError(`${reason}; make it writable, or set allow_volatile: true to go on in memory`)
      this.#volatile = reason
      this.#host?.report({ state: 'degraded', reason })
      return undefined
    }
  }
}

/** An id's `/` and every other character that could lead elsewhere becomes its code. */
function folderOf({ kind, id }: ComponentId): string {
  return `${kind}.${id.replace(/[^a-z0-9_-]/gi, (c) => `%${c.charCodeAt(0).toString(16)}`)}`
}
