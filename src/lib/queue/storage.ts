import type { ComponentId } from '../../component/id.js'
import type { SharedKey } from '../../component/shared.js'
import type { DiskQueue } from './disk-queue.js'
import type { Overflow, QueueOwner } from './owner.js'

export type OpenedQueue =
  | {
      readonly queue: DiskQueue
      /** Items an earlier process left in it. */
      readonly restored: number
    }
  /** Nothing can be kept, for this reason, and the configuration allows for that. */
  | { readonly volatile: string }

/** An extension that keeps the queues of exporters. */
export interface QueueStorage {
  /**
   * Opens the queue of one component, which closes it.
   *
   * @throws RefusalError when going on would do harm; Error when another agent has it, or the disk cannot be used
   */
  open(component: ComponentId, overflow: Overflow, owner: QueueOwner): Promise<OpenedQueue>
}

/** By the id of the extension. They are there before any exporter starts. */
export const queueStorages: SharedKey<Map<string, QueueStorage>> = {
  name: 'queue_storages',
  make: () => new Map(),
}
