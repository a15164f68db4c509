import type { Exporter, ExporterFactory, Settings } from '../component/component.js'
import { type ComponentId, parseComponentId } from '../component/id.js'
import { ok } from '../component/outcome.js'
import type { AgentConfig } from '../config/agent-config.js'
import { type Batch, itemsOf } from '../data/batch.js'
import type { Metric } from '../data/metric.js'
import { attr } from '../lib/systemd/names.js'

/** Messages read from a bus or a recording, as each receiver of them counts. */
const kSignalsMetric = /^unitscope_receiver_(?:systemd|replay)(_\w+)?_signal_messages_total$/

/** What the demo saw pass, for its last lines. */
export interface Tally {
  readonly units: ReadonlySet<string>
  /** By event name. */
  readonly events: ReadonlyMap<string, number>
  readonly metricPoints: number
  readonly spans: number
  /** Bus messages the systemd and replay receivers read; undefined when there is none. */
  readonly signals: number | undefined
}

/**
 * The same configuration with one exporter more in every pipeline, which counts what arrives there. Only the demo needs
 * kinds and names of what was exported; the ledger counts items of all kinds alike.
 */
export function withTally(config: AgentConfig): { readonly config: AgentConfig; readonly tally: Tally } {
  const counter = new Counter()
  const id = parseComponentId('exporter', 'demo_tally') as ComponentId
  const factory: ExporterFactory = {
    type: id.type,
    kind: 'exporter',
    stability: 'beta',
    description: 'Counts what the demo shows.',
    configSchema: { type: 'object', description: 'No options.', properties: {} },
    capabilities: [],
    signals: ['logs', 'metrics', 'traces'],
    create: (settings: Settings): Exporter => ({
      async start() {},
      async shutdown() {
        // Receivers have stopped by now, so the number is final.
        counter.signals = signalsIn((await settings.selfMetrics?.()) ?? [])
      },
      async consume(batch) {
        counter.add(batch)
        settings.telemetry.processed(itemsOf(batch))
        return ok
      },
    }),
  }
  const counted: AgentConfig = {
    ...config,
    exporters: new Map([...config.exporters, [id.id, { id, factory, config: {} }]]),
    pipelines: config.pipelines.map((pipeline) => ({ ...pipeline, exporters: [...pipeline.exporters, id.id] })),
  }
  return { config: counted, tally: counter }
}

class Counter implements Tally {
  readonly units = new Set<string>()
  readonly events = new Map<string, number>()
  metricPoints = 0
  spans = 0
  signals: number | undefined

  add({ events, metrics, spans }: Batch): void {
    for (const { name, resource } of events) {
      this.events.set(name, (this.events.get(name) ?? 0) + 1)
      this.#see(resource.attributes[attr.unit])
    }
    for (const metric of metrics) {
      this.metricPoints += metric.points.length
      this.#see(metric.resource.attributes[attr.unit])
    }
    this.spans += spans.length
  }

  #see(unit: unknown): void {
    if (typeof unit === 'string') this.units.add(unit)
  }
}

function signalsIn(metrics: readonly Metric[]): number | undefined {
  let signals: number | undefined
  for (const metric of metrics) {
    if (metric.type === 'histogram' || metric.type === 'encoded' || !kSignalsMetric.test(metric.name)) continue
    for (const { value } of metric.points) signals = (signals ?? 0) + Number(value)
  }
  return signals
}
