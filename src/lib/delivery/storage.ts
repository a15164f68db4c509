import type { Settings } from '../../component/component.js'
import { RefusalError } from '../../errors.js'
import type { Overflow } from '../queue/owner.js'
import { queueStorages } from '../queue/storage.js'
import type { Storage } from './backlog.js'
import type { Parcel } from './bounded-queue.js'

/** Where an exporter keeps parcels, as its `sending_queue` section says; undefined: in memory. */
export function storageOf<P extends Parcel>(
  { id, shared }: Settings,
  queue: { readonly storage?: string; readonly overflow: Overflow },
  codec: Pick<Storage<P>, 'entryOf' | 'parcelOf'>,
): Storage<P> | undefined {
  const name = queue.storage
  if (name === undefined) return undefined
  return {
    ...codec,
    async open(owner) {
      const storage = shared.get(queueStorages).get(name)
      if (storage === undefined) throw new RefusalError(`sending_queue.storage: the extension ${name} keeps no queues`)
      return storage.open(id, queue.overflow, owner)
    },
  }
}
