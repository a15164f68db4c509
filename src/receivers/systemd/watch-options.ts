import type { Native } from '../../binding/native.js'
import type { Settings } from '../../component/component.js'
import type { Status } from '../../component/status.js'
import type { RawEvent } from '../../data/event.js'
import type { ConnectControlPlane } from '../../lib/systemd/control-plane.js'
import type { UnitTracker } from '../../lib/systemd/unit-tracker.js'
import type { CgroupIds } from './cgroup-ids.js'
import type { Config } from './config.js'
import type { Sampler } from './sampler.js'
import type { Surroundings } from './surroundings.js'
import type { UnitHistory } from './unit-history.js'
import type { UnitSelection } from './unit-selection.js'

/** What watching needs: shared by the watcher, its sessions, and what they read. */
export interface WatchOptions {
  readonly settings: Settings
  readonly config: Config
  /** Of the bus. */
  readonly address: string
  /** Of systemd's own socket, where it may be used. */
  readonly privateAddress: string | undefined
  readonly native: Pick<Native, 'createSignalReader'>
  readonly connect: ConnectControlPlane
  readonly tracker: UnitTracker
  readonly selection: UnitSelection
  /** Where dependencies are followed. */
  readonly surroundings: Surroundings | undefined
  readonly cgroupIds: CgroupIds
  readonly sampler: Sampler
  readonly history: UnitHistory
  /** `overMs`: the time in which they happened, where they are told all at once after it. */
  readonly onEvents: (events: readonly RawEvent[], overMs?: number) => void
  /** `synchronised`: every unit's state is known as of now. */
  readonly onStatus: (status: Status) => void
}
