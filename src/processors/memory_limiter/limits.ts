import type { Config } from './config.js'

/** All in bytes. `resume` < `soft` <= `calm` < `hard`. */
export interface Limits {
  /** From here on all but failures and patterns is dropped. */
  readonly hard: number
  /** Below this nothing is dropped any more, but all refused. */
  readonly calm: number
  /** From here on data is refused. */
  readonly soft: number
  /** Below this it is taken again: a gap, so that the limiter does not flap. */
  readonly resume: number
}

const kDefaultSpikeShare = 0.2
/** Share of the hard limit by which memory must fall again before a state ends. */
const kHysteresisShare = 0.05

/** @param availableBytes - memory of the cgroup or the machine */
export function limitsOf(config: Config, availableBytes: number): Limits {
  const hard = config.limit ?? Math.floor((availableBytes * config.limit_percentage) / 100)
  const spike = config.spike_limit ?? Math.floor(hard * kDefaultSpikeShare)
  const soft = Math.max(hard - spike, 0)
  const gap = Math.floor(hard * kHysteresisShare)
  return { hard, calm: Math.max(hard - gap, soft), soft, resume: Math.max(soft - gap, 0) }
}
