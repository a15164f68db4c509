import type { Consumer, Host, Processor, Settings } from '../../component/component.js'
import { type Outcome, retryable } from '../../component/outcome.js'
import { type Batch, countItems } from '../../data/batch.js'
import { Remainder } from '../../lib/limits/remainder.js'
import type { Timer } from '../../util/clock.js'
import type { Config } from './config.js'
import { type Limits, limitsOf } from './limits.js'
import { type MemoryMeter, processMeter } from './meter.js'
import { createShedder } from './shed.js'

/** A full collection stops all JavaScript for some 10 to 100 ms: not more than 1 % of the time. */
const kGcPauseMs = 10_000

export function createMemoryLimiter(
  settings: Settings,
  config: Config,
  next: Consumer,
  meter: MemoryMeter = processMeter,
): Processor {
  return new MemoryLimiter(settings, config, next, meter)
}

/**
 *     memory       resume     soft        calm       hard
 *     taking  ───────────────> refusing ──────────────> shedding
 *             <───────┘                 <───────┘
 */
class MemoryLimiter implements Processor {
  readonly #settings: Settings
  readonly #next: Consumer
  readonly #left: Remainder
  readonly #shed: ReturnType<typeof createShedder>
  readonly #meter: MemoryMeter
  readonly #checkMs: number
  readonly #limits: Limits
  readonly #countRefused: (items: number) => void
  #state: 'taking' | 'refusing' | 'shedding' = 'taking'
  #host: Host | undefined
  #timer: Timer | undefined
  #lastGcMs = Number.NEGATIVE_INFINITY

  constructor(settings: Settings, config: Config, next: Consumer, meter: MemoryMeter) {
    this.#settings = settings
    this.#next = next
    this.#left = new Remainder(next)
    this.#meter = meter
    this.#checkMs = config.check_interval
    this.#limits = limitsOf(config, meter.availableBytes())
    const { telemetry } = settings
    this.#countRefused = telemetry.counter(
      'refused_items',
      'Items refused for lack of memory; senders still have them.',
    )
    this.#shed = createShedder(telemetry)
    telemetry.gauge('memory_used', 'Resident memory of the process.', 'By', () => meter.usedBytes())
    telemetry.gauge('memory_soft_limit', 'From here on data is refused.', 'By', () => this.#limits.soft)
    telemetry.gauge('memory_hard_limit', 'From here on data is dropped by its priority.', 'By', () => this.#limits.hard)
  }

  async start(host: Host): Promise<void> {
    if (this.#timer !== undefined) return
    this.#host = host
    this.#settings.logger.info('memory limits', { ...this.#limits })
    this.#timer = this.#settings.clock.every(this.#checkMs, () => this.#check())
    this.#check()
  }

  async shutdown(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  consume(batch: Batch): Promise<Outcome> {
    if (this.#state === 'taking') return this.#left.knows(batch) ? this.#sheds(batch) : this.#next.consume(batch)
    if (this.#state === 'shedding') return this.#sheds(batch)
    this.#countRefused(countItems(batch))
    return Promise.resolve(retryable('memory limit', this.#checkMs))
  }

  #sheds(batch: Batch): Promise<Outcome> {
    return this.#left.consume(batch, this.#shed)
  }

  #check(): void {
    let used = this.#meter.usedBytes()
    const tooMuch = used >= this.#limits.hard || (this.#state !== 'taking' && used >= this.#limits.resume)
    if (tooMuch && this.#mayCollect()) {
      this.#meter.collectGarbage()
      used = this.#meter.usedBytes()
    }
    const state = this.#stateAt(used)
    if (state === this.#state) return
    this.#state = state
    this.#host?.report(state === 'taking' ? { state: 'ok' } : { state: 'degraded', reason: this.#reason(state, used) })
  }

  /** The state ends only some way below where it began, so that it does not flap. */
  #stateAt(usedBytes: number): 'taking' | 'refusing' | 'shedding' {
    const { hard, calm, soft, resume } = this.#limits
    if (usedBytes >= (this.#state === 'shedding' ? calm : hard)) return 'shedding'
    return usedBytes >= (this.#state === 'taking' ? soft : resume) ? 'refusing' : 'taking'
  }

  // Also while refusing below the hard limit: with nothing coming in, nothing allocates, so V8 would not collect by
  // itself, memory would not fall, and the limiter would refuse for ever.
  #mayCollect(): boolean {
    const now = this.#settings.clock.monotonicMs()
    if (now - this.#lastGcMs < kGcPauseMs) return false
    this.#lastGcMs = now
    return true
  }

  #reason(state: 'refusing' | 'shedding', usedBytes: number): string {
    const { soft, hard } = this.#limits
    const what = state === 'refusing' ? 'refusing data' : 'dropping all but failures and patterns'
    return `${what}: ${mib(usedBytes)} used, soft limit ${mib(soft)}, hard limit ${mib(hard)}`
  }
}

function mib(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`
}
