import type { Settings } from '../../component/component.js'
import type { Metric } from '../../data/metric.js'
import { CallError, type ControlPlane, type Properties } from '../../lib/systemd/control-plane.js'
import { type ManagerReading, managerMetrics, readManager } from '../../lib/systemd/manager-metrics.js'
import { ipAccounting, PolledUnits, sockets } from '../../lib/systemd/polled-units.js'
import { hostResource } from '../../lib/systemd/unit-resource.js'
import type { UnitTracker } from '../../lib/systemd/unit-tracker.js'
import type { Config } from './config.js'

/** Readings that are older than so many intervals are no longer told. */
const kMaxAgeIntervals = 3
/** About as many metrics as a part of the units' states has points. */
const kPartMetrics = 1024

/** Reads what no signal tells, once per `collection_interval`, and makes metrics of it. */
export class Sampler {
  readonly #settings: Settings
  readonly #config: Config
  readonly #tracker: UnitTracker
  readonly #sockets = new PolledUnits(sockets)
  readonly #ip = new PolledUnits(ipAccounting)
  readonly #sinceNs: bigint
  /** Of this connection, for a new one may be to another systemd. */
  #constants: { readonly plane: ControlPlane; readonly properties: Properties } | undefined
  #manager: ManagerReading | undefined
  #sampledMs: number | undefined

  constructor(settings: Settings, config: Config, tracker: UnitTracker) {
    this.#settings = settings
    this.#config = config
    this.#tracker = tracker
    this.#sinceNs = settings.clock.unixNano()
  }

  /** How often it is to be done; 0 for never. */
  get everyMs(): number {
    const { metrics, collection_interval } = this.#config
    return metrics.manager || metrics.sockets || metrics.ip_accounting ? collection_interval : 0
  }

  /** @throws {CallError} when systemd does not answer */
  async sample(plane: ControlPlane): Promise<void> {
    const { clock } = this.#settings
    const { metrics } = this.#config
    const nowNs = (): bigint => clock.unixNano()
    if (metrics.manager) await this.#readManager(plane, nowNs)
    if (metrics.sockets) await this.#sockets.read(plane, this.#tracker.series.unitsUp('socket'), nowNs)
    if (metrics.ip_accounting) await this.#ip.read(plane, this.#tracker.series.unitsUp('service'), nowNs)
    this.#sampledMs = clock.monotonicMs()
  }

  async #readManager(plane: ControlPlane, nowNs: () => bigint): Promise<void> {
    const known = this.#constants?.plane === plane ? this.#constants.properties : undefined
    try {
      this.#manager = await readManager(plane, known, nowNs)
      this.#constants = { plane, properties: this.#manager.properties }
    } catch (error) {
      // An error name is systemd's answer, or the bus's policy: it is alive, and will not say.
      if (!(error instanceof CallError) || error.dbusName === undefined) throw error
      this.#manager = undefined
    }
  }

  /** Metrics of the last reading, in parts. */
  *metrics(): Generator<readonly Metric[], void, undefined> {
    const { clock, resources } = this.#settings
    const maxAgeMs = kMaxAgeIntervals * this.#config.collection_interval
    if (this.#sampledMs === undefined || clock.monotonicMs() - this.#sampledMs > maxAgeMs) return
    if (this.#manager !== undefined) yield managerMetrics(this.#manager, hostResource(resources), this.#sinceNs)
    for (const polled of [this.#sockets, this.#ip]) {
      let part: Metric[] = []
      for (const one of polled.metrics(clock.unixNano())) {
        part.push(one)
        if (part.length < kPartMetrics) continue
        yield part
        part = []
      }
      if (part.length > 0) yield part
    }
  }
}
