import type { Config } from './config.js'

/** All in bytes. `resume` < `soft` < `hard`. */
export interface Limits {
  readonly hard: number
  /** From here on data is refused. */
  readonly soft: number
  /** Below this it is taken again: a gap, so that the limiter does not flap. */
  readonly resume: number
}

const kDefaultSpikeShare = 0.2
/** Share of the hard limit between refusing and resuming. */
const kHysteresisShare = 0.05

/** @param availableBytes - memory of the cgroup or the machine */
export function limitsOf(config: Config, availableBytes: number): Limits {
  const hard = config.limit ?? Math.floor((availableBytes * config.limit_percentage) / 100)
  const spike = config.spike_limit ?? Math.floor(hard * kDefaultSpikeShare)
  const soft = Math.max(hard - spike, 0)
  return { hard, soft, resume: Math.max(soft - Math.floor(hard * kHysteresisShare), 0) }
}
