import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { getuid } from 'node:process'
import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  type CgroupEntry,
  type CgroupGroup,
  type CgroupOpening,
  type CgroupOptions,
  type CgroupPass,
  type CgroupReader,
  cgroupGroups,
  type OnKills,
  type OnStalls,
  type PressureStall,
} from '../../binding/cgroup-source.js'
import { loadNative } from '../../binding/native.js'
import type { Consumer, Host, Receiver, Settings } from '../../component/component.js'
import { batchOf } from '../../data/batch.js'
import type { RawEvent } from '../../data/event.js'
import { UnavailableError } from '../../errors.js'
import { findCgroupMount } from '../../lib/cgroup/mount.js'
import type { Timer } from '../../util/clock.js'
import type { Config } from './config.js'
import { ContainerOoms } from './container-ooms.js'
import { missingControllers } from './controllers.js'
import { LastNumbers } from './last-numbers.js'
import { OomWatch } from './oom-watch.js'
import { PressureTriggers } from './pressure-events.js'
import { ReaderHealth } from './reader-health.js'
import { Slices } from './slices.js'
import { Subjects } from './subjects.js'

/** Four times what the largest hosts run; a fork bomb of cgroups must not take the agent with it. */
const kMaxCgroups = 16_384
/** systemd nests slices a few levels deep, containers in containers some more. */
const kMaxDepth = 32
/** Everything is listed this often although the kernel tells of every change. */
const kWalkIntervalMs = 600_000
const kReaderEnded = 'the reader of cgroups ended by itself'
const kOverLimit =
  'more series than max_series: the units over the limit have no metrics; fold instances, or leave units or groups of metrics out'
/** New cgroups recognised in one turn. */
const kSliceEntries = 100

/** The outside world, replaced in tests. */
export interface CgroupWorld {
  readonly open: (options: CgroupOptions, onStalls: OnStalls, onKills: OnKills) => CgroupOpening
  /** Text of a file, or undefined when it cannot be read. */
  readonly read: (path: string) => string | undefined
  readonly uid: number
}

/** Emits the resource use of units and containers at each interval. Without `world`: the addon and this machine. */
export function createCgroupReceiver(
  settings: Settings,
  config: Config,
  next: Consumer,
  world?: CgroupWorld,
): Receiver {
  return new CgroupReceiver(settings, config, next, world)
}

class CgroupReceiver implements Receiver {
  readonly #settings: Settings
  readonly #config: Config
  readonly #next: Consumer
  readonly #world: CgroupWorld | undefined
  readonly #subjects: Subjects
  readonly #health: ReaderHealth
  readonly #triggers: PressureTriggers
  readonly #ooms: OomWatch
  readonly #containerOoms: ContainerOoms
  readonly #stopping = new AbortController()
  #reader: CgroupReader | undefined
  #timer: Timer | undefined
  #pass: Promise<void> | undefined
  readonly #refused: LastNumbers
  readonly #slices: Slices
  /** Deliveries of events under way. */
  readonly #telling = new Set<Promise<void>>()

  constructor(settings: Settings, config: Config, next: Consumer, world: CgroupWorld | undefined) {
    this.#settings = settings
    this.#config = config
    this.#next = next
    this.#world = world
    const uid = world?.uid ?? getuid?.() ?? 0
    this.#subjects = new Subjects(settings.resources, config, uid)
    this.#ooms = new OomWatch(settings, config.scope, uid)
    this.#containerOoms = new ContainerOoms(settings, config, uid, (events) => this.#tell(events))
    this.#health = new ReaderHealth(settings, () => this.#reader?.stats())
    this.#triggers = new PressureTriggers(settings, config)
    this.#refused = new LastNumbers(settings)
    this.#slices = new Slices({
      settings,
      next,
      subjects: this.#subjects,
      refused: this.#refused,
      maxSeries: config.max_series,
    })
    const { telemetry } = settings
    telemetry.gauge('units_left_out', 'Units without metrics, by `max_series`.', '{unit}', () => this.#slices.leftOut)
    telemetry.gauge(
      'units_folded',
      'Units told by their slice alone, since the start.',
      '{unit}',
      () => this.#subjects.folded,
    )
  }

  async start(host: Host): Promise<void> {
    const world = this.#world ?? realWorld()
    const mount = findCgroupMount(world.read('/proc/self/mountinfo') ?? '')
    const root = this.#config.root === '' ? mount?.path : this.#config.root
    if (root === undefined) {
      throw new UnavailableError(
        'no cgroup2 file system is mounted: boot with systemd.unified_cgroup_hierarchy=1, or mount one and name it in `root`',
      )
    }
    const options = {
      root,
      anyFilesystem: false,
      maxCgroups: kMaxCgroups,
      maxDepth: kMaxDepth,
      maxOpenFiles: this.#config.max_open_files,
      walkIntervalMs: kWalkIntervalMs,
      groups: this.#groups(),
      kernelLog: this.#config.kernel_log,
    }
    const reopen = (): CgroupOpening =>
      world.open(
        options,
        (stalls) => this.#stalled(stalls),
        (kills, losses) => {
          this.#ooms.take(kills)
          this.#ooms.takeLosses(losses)
          this.#containerOoms.take(kills)
        },
      )
    const opened = reopen()
    if ('unavailable' in opened) throw new UnavailableError(opened.unavailable)
    this.#reader = opened.reader
    this.#ooms.start()

    const { memory, memory_stat, memory_local, io, pids } = this.#config.metrics
    const wanted = { memory: memory || memory_stat || memory_local, io, pids }
    const missing = missingControllers(world.read(join(root, 'cgroup.controllers')), wanted, mount?.hybrid ?? false)
    const tick = (): void => this.#tick(host, reopen, missing)
    this.#timer = this.#settings.clock.every(this.#config.collection_interval, tick)
    host.report({ state: 'starting' })
    tick()
  }

  async shutdown(): Promise<void> {
    this.#containerOoms.settle()
    this.#stopping.abort()
    this.#timer?.cancel()
    this.#ooms.stop()
    // A pass that is under way answers with nothing; the one whose numbers are being handed on holds them itself.
    this.#reader?.close()
    await this.#pass
    await Promise.all(this.#telling)
    this.#refused.giveUp()
    this.#reader?.close()
    this.#reader = undefined
  }

  #tick(host: Host, reopen: () => CgroupOpening, missing: string | undefined): void {
    const { telemetry, logger } = this.#settings
    if (this.#pass !== undefined) {
      telemetry.error('interval_skipped') // The pipeline still holds the last pass; the next one has newer numbers.
      return
    }
    this.#pass = this.#collect(reopen)
      .then((problem) => {
        if (this.#stopping.signal.aborted) return
        const over = this.#slices.leftOut > 0 ? kOverLimit : undefined
        const reason = problem ?? this.#health.check() ?? this.#triggers.problem ?? over ?? missing
        host.report(reason === undefined ? { state: 'ok' } : { state: 'degraded', reason })
      })
      .catch((error: unknown) => {
        telemetry.error('collect_failed')
        logger.error('a pass over the cgroups failed', { error })
        const text = error instanceof Error ? error.message : String(error)
        host.report({ state: 'degraded', reason: `the last pass over the cgroups failed: ${text}` })
      })
      .finally(() => {
        this.#pass = undefined
      })
  }

  /** One pass over all cgroups; answers with a reason when there was nothing to read. */
  async #collect(reopen: () => CgroupOpening): Promise<string | undefined> {
    const { clock, telemetry, logger } = this.#settings
    const started = clock.monotonicMs()
    let pass = await this.#reader?.sample()
    if (pass === undefined || pass.rootGone) {
      if (this.#stopping.signal.aborted) return undefined
      if (pass === undefined && this.#reader !== undefined) logger.warn(`${kReaderEnded}: a new one is started`)
      this.#reader?.close()
      this.#subjects.clear()
      this.#slices.restart()
      this.#health.restart()
      this.#triggers.restart()
      const opened = reopen()
      this.#reader = 'reader' in opened ? opened.reader : undefined
      if ('unavailable' in opened) return opened.unavailable
      pass = await opened.reader.sample()
    }
    if (pass === undefined) return kReaderEnded
    const nowNs = clock.unixNano()
    try {
      if (this.#reader !== undefined) this.#triggers.retry(this.#reader, (key) => this.#subjects.get(key) !== undefined)
      await this.#recognise(pass.entries, nowNs)
      await this.#refused.offer(this.#next, this.#stopping.signal)
      await this.#slices.emit(pass, nowNs, this.#stopping.signal)
    } finally {
      this.#forgetEnded(pass)
    }
    telemetry.durationMs(clock.monotonicMs() - started)
    return this.#subjects.size === 0
      ? `none of ${this.#reader?.stats().cgroups ?? 0} cgroups is one to read: check scope and include`
      : undefined
  }

  /** Decides of each new cgroup whether it is measured; the others are not read again. */
  async #recognise(entries: readonly CgroupEntry[], nowNs: bigint): Promise<void> {
    const unwanted: number[] = []
    for (let at = 0; at < entries.length; at++) {
      if (at > 0 && at % kSliceEntries === 0) await nextTurn()
      if (this.#stopping.signal.aborted) return
      const entry = entries[at]!
      const isNew = this.#subjects.get(entry.key) === undefined
      const subject = this.#subjects.add(entry, nowNs)
      if (subject === undefined) unwanted.push(entry.key)
      else if (isNew && this.#reader !== undefined) this.#triggers.arm(this.#reader, entry.key, subject)
    }
    this.#reader?.ignore(unwanted)
  }

  /** Whatever became of a pass: its reader does not tell of these again. */
  #forgetEnded(pass: CgroupPass): void {
    for (let i = 0; i < pass.length; i++) {
      const { key, ended } = pass.reading(i)
      if (!ended) return
      this.#subjects.remove(key)
    }
  }

  #stalled(stalls: readonly PressureStall[]): void {
    this.#tell(stalls.flatMap((stall) => this.#triggers.event(stall, this.#subjects.get(stall.key)) ?? []))
  }

  #tell(events: readonly RawEvent[]): void {
    if (events.length === 0 || this.#stopping.signal.aborted) return
    const { telemetry, logger } = this.#settings
    telemetry.processed({ logs: events.length })
    const told = this.#next
      .consume(batchOf({ events }))
      .then((outcome) => {
        if (outcome.kind === 'retryable') telemetry.dropped({ logs: events.length }, 'backpressure')
      })
      .catch((error: unknown) => {
        telemetry.error('collect_failed')
        logger.error('events could not be handed on', { error })
      })
      .finally(() => this.#telling.delete(told))
    this.#telling.add(told)
  }

  #groups(): readonly CgroupGroup[] {
    const { metrics } = this.#config
    return cgroupGroups.filter((group) => metrics[group])
  }
}

function realWorld(): CgroupWorld {
  const loaded = loadNative()
  if ('unavailable' in loaded) throw new UnavailableError(loaded.unavailable)
  return {
    open: (options, onStalls, onKills) => loaded.native.createCgroupReader(options, onStalls, onKills),
    read(path) {
      try {
        return readFileSync(path, 'utf8')
      } catch {
        return undefined
      }
    },
    uid: getuid?.() ?? 0,
  }
}
