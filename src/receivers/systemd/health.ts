import type { Status } from '../../component/status.js'
import type { UnitTracker } from '../../lib/systemd/unit-tracker.js'
import type { Config } from './config.js'
import type { Watcher } from './watcher.js'

/** Without a number that changes: each new wording is a line in the log. */
const incomplete: Status = {
  state: 'degraded',
  reason:
    'more than 65,536 units: those over the limit are not followed; narrow unit_types, or the white- and blacklist',
}

const overLimit: Status = {
  state: 'degraded',
  reason:
    'more series than max_series: the units over the limit have no metrics; fold instances, or leave units or groups of metrics out',
}

const behind: Status = {
  state: 'degraded',
  reason:
    'signals came faster than they were taken: the buffer was fuller than backpressure_threshold; the process gets too ' +
    'little CPU',
}

/** What there is to say while systemd answers. */
export class Health {
  readonly #config: Config
  readonly #tracker: UnitTracker
  /** How often the buffer had been too full when it was looked at last. */
  #backpressure = 0

  constructor(config: Config, tracker: UnitTracker) {
    this.#config = config
    this.#tracker = tracker
  }

  look(watcher: Pick<Watcher, 'totals' | 'buffered'>): Status {
    const { backpressure } = watcher.totals()
    const fellBehind = backpressure > this.#backpressure
    this.#backpressure = backpressure
    if (this.#tracker.untracked > 0) return incomplete
    if (this.#tracker.series.leftOut > 0) return overLimit
    const { backpressure_threshold: threshold, signal_buffer_size: size } = this.#config
    return fellBehind || watcher.buffered >= threshold * size ? behind : { state: 'ok' }
  }
}
