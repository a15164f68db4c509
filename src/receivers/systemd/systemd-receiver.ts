import { readFileSync } from 'node:fs'
import { getuid } from 'node:process'
import { loadNative, type Native } from '../../binding/native.js'
import type { Consumer, Host, Receiver, Settings } from '../../component/component.js'
import type { Metric } from '../../data/metric.js'
import { UnavailableError } from '../../errors.js'
import { findCgroupMount } from '../../lib/cgroup/mount.js'
import { type UnitGraph, unitGraphKeys } from '../../lib/dependencies/unit-graph.js'
import { findJournalctl } from '../../lib/journal/journalctl.js'
import { compileFold } from '../../lib/matching/fold.js'
import { busAddress, privateAddress } from '../../lib/systemd/bus.js'
import { type ConnectControlPlane, connectControlPlane } from '../../lib/systemd/control-plane.js'
import { metric } from '../../lib/systemd/names.js'
import { oomBoard } from '../../lib/systemd/oom-evidence.js'
import { hostResource } from '../../lib/systemd/unit-resource.js'
import { UnitTracker } from '../../lib/systemd/unit-tracker.js'
import { withUnitType } from '../../lib/systemd/unit-types.js'
import type { Timer } from '../../util/clock.js'
import { Admission } from './admission.js'
import { CgroupIds } from './cgroup-ids.js'
import type { Config } from './config.js'
import { gaugesOf } from './gauges.js'
import { graphTelemetry } from './graph-telemetry.js'
import { Health } from './health.js'
import { readHistory } from './history-reader.js'
import { KeptCounts } from './kept-counts.js'
import { OomWatch } from './oom-watch.js'
import { PendingItems } from './pending-items.js'
import { Sampler } from './sampler.js'
import { SourceCounters } from './source-counters.js'
import { Surroundings } from './surroundings.js'
import { type ReadHistory, UnitHistory } from './unit-history.js'
import { selectUnits, type UnitSelection } from './unit-selection.js'
import { Watcher } from './watcher.js'

/** A signal is on its way for some milliseconds, `batch_timeout` included; on a host that is drowning for more. */
const kOnItsWayNs = 1_000_000_000n

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
  readonly #admission: Admission
  readonly #selection: UnitSelection
  readonly #cgroupIds: CgroupIds
  readonly #graph: UnitGraph
  readonly #tracker: UnitTracker
  readonly #sampler: Sampler
  readonly #kept: KeptCounts
  readonly #stopping = new AbortController()
  readonly #timers: Timer[] = []
  #oom: OomWatch | undefined
  #watcher: Watcher | undefined
  #forgetStates = (): void => {}
  #countGraph = (): void => {}
  #counters: SourceCounters | undefined
  #running: Promise<void> | undefined
  #collected = false

  constructor(settings: Settings, config: Config, next: Consumer, source: SystemdSource | undefined) {
    this.#settings = settings
    this.#config = config
    this.#source = source
    this.#pending = new PendingItems(settings, next)
    this.#admission = new Admission(settings, config.max_events_per_second, this.#pending)
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
      oomWatched: () => settings.shared.get(oomBoard).watched,
    })
    this.#sampler = new Sampler(settings, config, this.#tracker)
    const bootId = hostResource(settings.resources).attributes['systemd.boot_id']
    this.#kept = new KeptCounts(settings, this.#tracker, typeof bootId === 'string' ? bootId : '')
  }

  async start(host: Host): Promise<void> {
    const { clock, telemetry, shared } = this.#settings
    const { native, connect, readHistory } = this.#source ?? realSource()
    const { scope, private_socket } = this.#config
    const uid = getuid?.() ?? 0
    const address = this.#config.address ?? busAddress(scope, process.env, uid)
    const health = new Health(this.#config, this.#tracker)
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
        this.#admission.admit(events, overMs)
        this.#oom?.expect()
      },
      onStatus: (status) => {
        host.report(status.state === 'ok' ? health.look(watcher) : status)
        if (status.state !== 'ok' || this.#collected) return
        this.#kept.saveFirst()
        this.#collect()
      },
    })
    this.#watcher = watcher
    gaugesOf(telemetry, this.#tracker, () => watcher.buffered)
    telemetry.concerns(() => this.#tracker.series.unitsFailed())
    this.#countGraph = graphTelemetry(telemetry, this.#graph)
    this.#forgetStates = this.#graph.addStates(this.#tracker)
    this.#oom = new OomWatch(shared.get(oomBoard), {
      scope,
      clock,
      oom: this.#tracker.oom,
      accepts: (unit) => this.#selection.accepts(unit),
      tell: (events) => this.#admission.admit(events),
    })
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
    this.#oom?.close()
    await this.#kept.close(accountedNs)
    this.#admission.summarise()
    this.#countSource()
    await this.#pending.close()
  }

  /** Until when all that systemd has sent was told; undefined while it is not listened to, or not understood. */
  #accountedNs(): bigint | undefined {
    const followed = this.#watcher?.up === true && this.#watcher.buffered === 0 && !this.#watcher.missing
    return followed ? this.#settings.clock.unixNano() - kOnItsWayNs : undefined
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
