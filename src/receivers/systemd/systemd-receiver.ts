import { readFileSync } from 'node:fs'
import { getuid } from 'node:process'
import { loadNative, type Native } from '../../binding/native.js'
import type { Consumer, Host, Receiver, Settings } from '../../component/component.js'
import type { Status } from '../../component/status.js'
import type { RawEvent } from '../../data/event.js'
import type { Metric } from '../../data/metric.js'
import { UnavailableError } from '../../errors.js'
import { findCgroupMount } from '../../lib/cgroup/mount.js'
import { type UnitGraph, unitGraphKeys } from '../../lib/dependencies/unit-graph.js'
import { findJournalctl } from '../../lib/journal/journalctl.js'
import { compileFold } from '../../lib/matching/fold.js'
import { busAddress, privateAddress } from '../../lib/systemd/bus.js'
import { type ConnectControlPlane, connectControlPlane } from '../../lib/systemd/control-plane.js'
import { metric } from '../../lib/systemd/names.js'
import { type OomBoard, type OomEvidence, type OomLoss, oomBoard } from '../../lib/systemd/oom-evidence.js'
import { suppressedEvent } from '../../lib/systemd/source-event.js'
import { hostResource } from '../../lib/systemd/unit-resource.js'
import { UnitTracker } from '../../lib/systemd/unit-tracker.js'
import { withUnitType } from '../../lib/systemd/unit-types.js'
import type { Timer } from '../../util/clock.js'
import { CgroupIds } from './cgroup-ids.js'
import type { Config } from './config.js'
import { graphTelemetry } from './graph-telemetry.js'
import { readHistory } from './history-reader.js'
import { KeptCounts } from './kept-counts.js'
import { PendingItems } from './pending-items.js'
import { RateLimiter } from './rate-limiter.js'
import { Sampler } from './sampler.js'
import { SourceCounters } from './source-counters.js'
import { Surroundings } from './surroundings.js'
import { type ReadHistory, UnitHistory } from './unit-history.js'
import { selectUnits, type UnitSelection } from './unit-selection.js'
import { Watcher } from './watcher.js'

/** A signal is on its way for some milliseconds, `batch_timeout` included; on a host that is drowning for more. */
const kOnItsWayNs = 1_000_000_000n

/** How long after the first suppressed event a summary tells of all; then the next one begins. */
const kSummaryIntervalMs = 1000

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

/**
 * Between this long and twice as long after a kill for want of memory a run that goes on is said to live on. The end of one
 * that does not is told at once. PID 1 sees to it within milliseconds; where memory has just run out it may take seconds.
 */
const kSettleOomMs = 5000

/** The outside world, replaced in tests. */
export interface SystemdSource {
  readonly native: Pick<Native, 'createSignalReader'>
  readonly connect: ConnectControlPlane
  /** Left out: there is no journal. */
  readonly readHistory?: ReadHistory
}

/** Watches the units of one systemd manager. Without `source`, the native addon and the real bus. */
export function createSystemdReceiver(
  settings: Settings,
  config: Config,
  next: Consumer,
  source?: SystemdSource,
): Receiver {
  return new SystemdReceiver(settings, config, next, source)
}

class SystemdReceiver implements Receiver {
  readonly #settings: Settings
  readonly #config: Config
  readonly #source: SystemdSource | undefined
  readonly #pending: PendingItems
  readonly #limiter: RateLimiter
  readonly #selection: UnitSelection
  readonly #cgroupIds: CgroupIds
  readonly #graph: UnitGraph
  readonly #tracker: UnitTracker
  readonly #sampler: Sampler
  readonly #kept: KeptCounts
  readonly #stopping = new AbortController()
  readonly #timers: Timer[] = []
  /** Set while something was suppressed that no summary has told. */
  #summary: Timer | undefined
  #settlingOom: Timer | undefined
  #endOom: (() => void) | undefined
  #watcher: Watcher | undefined
  #forgetStates = (): void => {}
  #countGraph = (): void => {}
  #counters: SourceCounters | undefined
  #running: Promise<void> | undefined
  #collected = false
  /** How often the buffer had been too full when it was looked at last. */
  #backpressure = 0

  constructor(settings: Settings, config: Config, next: Consumer, source: SystemdSource | undefined) {
    this.#settings = settings
    this.#config = config
    this.#source = source
    this.#pending = new PendingItems(settings, next)
    this.#limiter = new RateLimiter(config.max_events_per_second, settings.clock)
    this.#selection = selectUnits(config)
    this.#cgroupIds = new CgroupIds(config.cgroup_root || ownCgroupMount(), config.scope, getuid?.() ?? 0)
    this.#graph = settings.shared.get(unitGraphKeys[config.scope])
    const fold = compileFold(config.fold.map(withUnitType))
    this.#tracker = new UnitTracker({
      scope: config.scope,
      resources: settings.resources,
      graph: this.#graph,
      containerAttributes: this.#selection.containerAttributes,
      metrics: config.metrics,
      maxSeries: config.max_series,
      ...(fold === undefined ? {} : { foldOf: fold }),
      findCgroup: (unit, slice) => this.#cgroupIds.find(unit, slice),
      oomWatched: () => this.#board.watched,
    })
    this.#sampler = new Sampler(settings, config, this.#tracker)
    const bootId = hostResource(settings.resources).attributes['systemd.boot_id']
    this.#kept = new KeptCounts(settings, this.#tracker, typeof bootId === 'string' ? bootId : '')
  }

  get #board(): OomBoard {
    return this.#settings.shared.get(oomBoard)
  }

  async start(host: Host): Promise<void> {
    const { clock, telemetry } = this.#settings
    const { native, connect, readHistory } = this.#source ?? realSource()
    const { scope, private_socket } = this.#config
    const uid = getuid?.() ?? 0
    const address = this.#config.address ?? busAddress(scope, process.env, uid)
    const watcher = new Watcher({
      settings: this.#settings,
      config: this.#config,
      address,
      privateAddress: private_socket ? privateAddress(scope, process.env, uid) : undefined,
      native,
      connect,
      tracker: this.#tracker,
      selection: this.#selection,
      surroundings: this.#config.track_dependencies
        ? new Surroundings(this.#graph, (unit) => this.#selection.accepts(unit))
        : undefined,
      cgroupIds: this.#cgroupIds,
      sampler: this.#sampler,
      history: new UnitHistory(
        this.#settings,
        this.#config,
        (unit) => this.#selection.accepts(unit),
        readHistory,
        this.#stopping.signal,
      ),
      onEvents: (events, overMs) => {
        this.#admit(events, overMs)
        this.#awaitOom()
      },
      onStatus: (status) => {
        host.report(status.state === 'ok' ? this.#health(watcher) : status)
        if (status.state !== 'ok' || this.#collected) return
        this.#kept.saveFirst()
        this.#collect()
      },
    })
    this.#watcher = watcher
    telemetry.gauge('signals_buffered', 'Signals read and not yet taken.', '{signal}', () => watcher.buffered)
    telemetry.gauge('units', 'Units followed.', '{unit}', () => this.#tracker.size)
    telemetry.gauge('units_remembered', 'Unloaded units whose counts go on.', '{unit}', () => this.#tracker.remembered)
    telemetry.gauge(
      'units_unread',
      'Units of which not all is read yet.',
      '{unit}',
      () => this.#tracker.unread().length,
    )
    telemetry.gauge('units_untracked', 'Units over the limit, not followed.', '{unit}', () => this.#tracker.untracked)
    this.#countGraph = graphTelemetry(telemetry, this.#graph)
    this.#forgetStates = this.#graph.addStates(this.#tracker)
    this.#endOom = this.#board.listen((evidence, losses) => this.#takeOom(evidence, losses))
    telemetry.gauge('units_folded', 'Instances told together, by `fold`.', '{unit}', () => this.#tracker.series.folded)
    telemetry.gauge(
      'units_left_out',
      'Units without metrics, by `max_series`.',
      '{unit}',
      () => this.#tracker.series.leftOut,
    )
    host.report({ state: 'starting' })
    await this.#kept.load((unit) => this.#selection.accepts(unit))
    this.#kept.start(() => this.#accountedNs())
    this.#running = watcher.run(this.#stopping.signal)
    if (this.#config.collection_interval > 0) {
      this.#timers.push(clock.every(this.#config.collection_interval, () => this.#collect()))
    }
  }

  async shutdown(): Promise<void> {
    for (const timer of this.#timers) timer.cancel()
    this.#stopping.abort()
    const accountedNs = this.#accountedNs()
    await this.#running
    this.#forgetStates()
    this.#endOom?.()
    this.#settlingOom?.cancel()
    // Twice: what came a moment ago, too.
    for (let i = 0; i < 2 && this.#tracker.oom.waits; i++) this.#settleOom()
    this.#settlingOom?.cancel()
    await this.#kept.close(accountedNs)
    this.#summarise()
    this.#countSource()
    await this.#pending.close()
  }

  /** Until when all that systemd has sent was told; undefined while it is not listened to, or not understood. */
  #accountedNs(): bigint | undefined {
    const followed = this.#watcher?.up === true && this.#watcher.buffered === 0 && !this.#watcher.missing
    return followed ? this.#settings.clock.unixNano() - kOnItsWayNs : undefined
  }

  /** What there is to say while systemd answers. */
  #health(watcher: Watcher): Status {
    const { backpressure } = watcher.totals()
    const fellBehind = backpressure > this.#backpressure
    this.#backpressure = backpressure
    if (this.#tracker.untracked > 0) return incomplete
    if (this.#tracker.series.leftOut > 0) return overLimit
    const { backpressure_threshold: threshold, signal_buffer_size: size } = this.#config
    return fellBehind || watcher.buffered >= threshold * size ? behind : { state: 'ok' }
  }

  #takeOom(evidence: readonly OomEvidence[], losses: readonly OomLoss[]): void {
    const { scope } = this.#config
    const nowNs = this.#settings.clock.unixNano()
    const ours = evidence.filter((one) => one.scope === scope && this.#selection.accepts(one.unit))
    this.#admit(ours.flatMap((one) => this.#tracker.oom.take(one, nowNs)))
    for (const loss of losses) {
      if (loss.scope !== scope) continue
      // Of units that are not watched no end is told: they stay suspects, and nobody waits for them.
      const suspects = loss.suspects.map((one) => (this.#selection.accepts(one.unit) ? one : { ...one, unit: '' }))
      this.#admit(this.#tracker.oom.takeLoss({ ...loss, suspects }, nowNs))
    }
    this.#awaitOom()
  }

  #awaitOom(): void {
    if (!this.#tracker.oom.waits) return
    this.#settlingOom ??= this.#settings.clock.after(kSettleOomMs, () => this.#settleOom())
  }

  #settleOom(): void {
    this.#settlingOom = undefined
    this.#admit(this.#tracker.oom.settle(this.#settings.clock.unixNano()))
    this.#awaitOom()
  }

  #admit(events: readonly RawEvent[], overMs = 0): void {
    if (events.length === 0) return
    const { telemetry } = this.#settings
    const admitted = this.#limiter.admit(events.length, overMs)
    if (admitted === events.length) {
      this.#pending.pushEvents(events)
      return
    }
    const over = { logs: events.length - admitted }
    telemetry.processed(over)
    telemetry.dropped(over, 'rate_limit')
    this.#pending.pushEvents(events.slice(0, admitted))
    this.#summary ??= this.#settings.clock.after(kSummaryIntervalMs, () => this.#summarise())
  }

  #summarise(): void {
    this.#summary?.cancel()
    this.#summary = undefined
    const count = this.#limiter.takeSuppressed()
    if (count === 0) return
    const { resources, clock } = this.#settings
    this.#pending.pushEvents([suppressedEvent(resources, count, this.#config.max_events_per_second, clock.unixNano())])
  }

  #collect(): void {
    this.#countSource()
    const up = this.#watcher?.up ?? false
    // Before the first reading nothing is known; while systemd is away, what was last known still holds.
    const known = up || this.#collected
    if (up) this.#collected = true
    this.#pending.collect(this.#collection(up, known))
  }

  *#collection(up: boolean, known: boolean): Generator<readonly Metric[], void, undefined> {
    const { clock, resources } = this.#settings
    const now = (): bigint => clock.unixNano()
    const source: Metric = {
      type: 'gauge',
      valueType: 'int',
      name: metric.sourceUp,
      unit: '1',
      description: '1 when systemd answers',
      resource: hostResource(resources),
      points: [{ attributes: {}, timeUnixNano: now(), value: up ? 1 : 0 }],
    }
    yield [source]
    if (known) yield* this.#tracker.series.collect(now)
    yield* this.#sampler.metrics()
  }

  #countSource(): void {
    this.#counters ??= new SourceCounters(this.#settings.telemetry)
    this.#countGraph()
    this.#counters.bringUp(this.#tracker, this.#watcher?.totals())
  }
}

function ownCgroupMount(): string | undefined {
  try {
    return findCgroupMount(readFileSync('/proc/self/mountinfo', 'utf8'))?.path
  } catch {
    return undefined
  }
}

function realSource(): SystemdSource {
  const loaded = loadNative()
  if ('unavailable' in loaded) throw new UnavailableError(loaded.unavailable)
  const program = findJournalctl()
  return {
    native: loaded.native,
    connect: connectControlPlane,
    readHistory: (request) => readHistory({ program, ...request }),
  }
}
