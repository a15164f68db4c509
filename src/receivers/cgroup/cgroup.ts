import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { getuid } from 'node:process'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { CgroupGroup, CgroupOpening, CgroupOptions, CgroupReader } from '../../binding/cgroup-source.js'
import { loadNative } from '../../binding/native.js'
import type { Consumer, Host, Receiver, Settings } from '../../component/component.js'
import { batchOf, countItems } from '../../data/batch.js'
import { UnavailableError } from '../../errors.js'
import { findCgroupMount } from '../../lib/cgroup/mount.js'
import type { Timer } from '../../util/clock.js'
import type { Config } from './config.js'
import { missingControllers } from './controllers.js'
import { ReaderHealth } from './reader-health.js'
import { sampleMetrics } from './sample-metrics.js'
import { type Subject, Subjects, startOf } from './subjects.js'

/** Four times what the largest hosts run; a fork bomb of cgroups must not take the agent with it. */
const kMaxCgroups = 16_384
/** systemd nests slices a few levels deep, containers in containers some more. */
const kMaxDepth = 32
/** Cgroups read in one go: about 5 ms of the event loop, after which everything else has its turn. */
const kSliceCgroups = 100

/** The outside world, replaced in tests. */
export interface CgroupWorld {
  readonly open: (options: CgroupOptions) => CgroupOpening
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
  readonly #stopping = new AbortController()
  #reader: CgroupReader | undefined
  #timer: Timer | undefined
  #pass: Promise<void> | undefined

  constructor(settings: Settings, config: Config, next: Consumer, world: CgroupWorld | undefined) {
    this.#settings = settings
    this.#config = config
    this.#next = next
    this.#world = world
    this.#subjects = new Subjects(settings.resources, config, world?.uid ?? getuid?.() ?? 0)
    this.#health = new ReaderHealth(settings, () => this.#reader?.stats())
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
    const options = { root, anyFilesystem: false, maxCgroups: kMaxCgroups, maxDepth: kMaxDepth, groups: this.#groups() }
    const opened = world.open(options)
    if ('unavailable' in opened) throw new UnavailableError(opened.unavailable)
    this.#reader = opened.reader

    const { memory, memory_stat, io, pids } = this.#config.metrics
    const wanted = { memory: memory || memory_stat, io, pids }
    const missing = missingControllers(world.read(join(root, 'cgroup.controllers')), wanted, mount?.hybrid ?? false)
    const reopen = (): CgroupOpening => world.open(options)
    const tick = (): void => this.#tick(host, reopen, missing)
    this.#timer = this.#settings.clock.every(this.#config.collection_interval, tick)
    host.report({ state: 'starting' })
    tick()
  }

  async shutdown(): Promise<void> {
    this.#stopping.abort()
    this.#timer?.cancel()
    await this.#pass
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
      .then((gone) => {
        const reason = gone ?? this.#health.check() ?? missing
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
    const { clock, telemetry } = this.#settings
    const started = clock.monotonicMs()
    let entries = this.#reader?.scan() ?? []
    if (entries.length === 0) {
      this.#reader?.close()
      const opened = reopen()
      this.#reader = 'reader' in opened ? opened.reader : undefined
      this.#health.restart()
      if ('unavailable' in opened) return opened.unavailable
      entries = opened.reader.scan()
    }
    const whole = this.#reader?.stats().skipped === 0
    const subjects = this.#subjects.update(entries, clock.unixNano(), whole)
    for (let at = 0; at < subjects.length && !this.#stopping.signal.aborted; at += kSliceCgroups) {
      if (at > 0) await nextTurn()
      await this.#emit(subjects.slice(at, at + kSliceCgroups))
    }
    telemetry.durationMs(clock.monotonicMs() - started)
    return subjects.length === 0
      ? `none of ${entries.length} cgroups is one to read: check scope and include`
      : undefined
  }

  async #emit(slice: readonly Subject[]): Promise<void> {
    const { clock, telemetry } = this.#settings
    const byPath = new Map(slice.map((subject) => [subject.path, subject]))
    const readings = this.#reader?.read([...byPath.keys()]) ?? []
    const nowNs = clock.unixNano()
    const batch = batchOf({
      metrics: readings.flatMap(({ entry, sample }) => sampleMetrics(sample, byPath.get(entry.path)!, nowNs)),
    })
    const items = countItems(batch)
    if (items === 0) return
    telemetry.processed(items)
    const outcome = await this.#next.consume(batch)
    // The next pass replaces these numbers, so holding them back would only make both late.
    if (outcome.kind === 'retryable') {
      telemetry.dropped(items, 'backpressure')
      return
    }
    for (const { entry } of readings) {
      const { since } = byPath.get(entry.path)!
      since.startNs = startOf(since, nowNs)
      since.lastNs = nowNs
    }
  }

  #groups(): readonly CgroupGroup[] {
    const { metrics } = this.#config
    return (['cpu', 'memory', 'memory_stat', 'io', 'pids', 'pressure'] as const).filter((group) => metrics[group])
  }
}

function realWorld(): CgroupWorld {
  const loaded = loadNative()
  if ('unavailable' in loaded) throw new UnavailableError(loaded.unavailable)
  return {
    open: (options) => loaded.native.createCgroupReader(options),
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
