import type { ConfigComplaint, Consumer, ProcessorFactory, Settings } from '../../component/component.js'
import { type Config, schema } from './config.js'
import { limitsOf } from './limits.js'
import { createMemoryLimiter } from './memory-limiter.js'
import { processMeter } from './meter.js'

const kMiB = 2 ** 20

/**
 * What an agent cannot get below: while data is refused, the limiter collects garbage, and were data only taken again below what
 * is left then, it would be refused for ever. On 50 units 68 MiB are left where the agent is not started with its own settings
 * (63 with them), code pages of Node included (bench/cases/memory-parts.mjs, decision 0134). 12 MiB more are for pages of Node's
 * program that only load touches, and for units: some 10 KB each.
 */
const kOwnNeedBytes = 80 * kMiB

/** A timer of 0 would measure without pause. */
const kLeastCheckMs = 10

export const factory = {
  type: 'memory_limiter',
  kind: 'processor',
  stability: 'beta',
  description:
    'Refuses data while the process uses too much memory, and sheds by priority above the limit; put it first.',
  configSchema: schema,
  capabilities: [],
  check(config: Config): readonly ConfigComplaint[] {
    const complaints: ConfigComplaint[] = []
    if (config.check_interval < kLeastCheckMs)
      complaints.push({ path: ['check_interval'], reason: `must be at least ${kLeastCheckMs}ms` })
    const availableBytes = processMeter.availableBytes()
    const { hard, soft, resume } = limitsOf(config, availableBytes)
    if (config.spike_limit !== undefined && config.spike_limit >= hard)
      complaints.push({ path: ['spike_limit'], reason: `must be less than the limit of ${mib(hard)}` })
    else if (resume <= kOwnNeedBytes) {
      const remedy = leastLimit(config, availableBytes)
      complaints.push({
        path: [config.limit === undefined ? 'limit_percentage' : 'limit'],
        reason: `is too small: data is refused from ${mib(soft)} on and taken again below ${mib(resume)}, but the agent itself needs ${mib(kOwnNeedBytes)}; ${remedy}`,
      })
    }
    return complaints
  },
  create: (settings: Settings, config: Config, next: Consumer) => createMemoryLimiter(settings, config, next),
} satisfies ProcessorFactory

/** The least value that leaves enough, in words. */
function leastLimit(config: Config, availableBytes: number): string {
  const enough = (changed: Partial<Config>): boolean =>
    limitsOf({ ...config, ...changed }, availableBytes).resume > kOwnNeedBytes
  if (config.limit === undefined) {
    let percent = config.limit_percentage
    while (percent < 100 && !enough({ limit_percentage: percent })) percent++
    if (enough({ limit_percentage: percent })) return `write ${percent} or more`
    return `${mib(availableBytes)} in all are too few: give the machine or the container more`
  }
  let limit = Math.ceil(config.limit / kMiB)
  while (!enough({ limit: limit * kMiB })) limit++
  return `write ${limit}MiB or more`
}

/** As sizes are written in the configuration, so that it can be copied. */
function mib(bytes: number): string {
  return `${Math.floor(bytes / kMiB)}MiB`
}
