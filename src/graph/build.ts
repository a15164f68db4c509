import type { Consumer, Factory, Settings } from '../component/component.js'
import type { ComponentId } from '../component/id.js'
import type { Logger } from '../component/logger.js'
import type { Status } from '../component/status.js'
import type { AgentConfig, ComponentConfig } from '../config/agent-config.js'
import { type Signal, signals } from '../data/batch.js'
import { fanOut, type Route } from './fan-out.js'
import { createGraph, type Graph, type PipelinePart } from './graph.js'
import { messageOf, Node, type NodeSettings } from './node.js'

export interface BuildOptions {
  readonly logger: Logger
  /** What each instance is given; `pipeline` is set for processors. */
  settingsFor(id: ComponentId, pipeline?: string): NodeSettings
  /** Told of every change of status, once the component is made. */
  onStatus?(id: ComponentId, pipeline: string | undefined, status: Status): void
}

/**
 * Makes and joins the components that pipelines name: one instance of each receiver and exporter, shared by its
 * pipelines, and one of each processor per pipeline. Nothing starts yet.
 *
 *     receiver ─ fan-out ┬─ pipeline logs    ─ processor ─ fan-out ┬─ exporter
 *                        └─ pipeline metrics ─ processor ─ fan-out ┴─ exporter (the same)
 *
 * @throws Error naming the component whose create failed
 */
export function buildGraph(config: AgentConfig, options: BuildOptions): Graph {
  const unrouted = new Map<string, number>()
  const used = new Map<string, number>()
  const countIn = (counts: Map<string, number>, place: string) => (items: number) =>
    void (items > 0 && counts.set(place, (counts.get(place) ?? 0) + items))
  const onStatus = (node: Node, status: Status) => options.onStatus?.(node.settings.id, node.pipeline, status)
  const nodeOf = (id: ComponentId, pipeline?: string) => new Node(options.settingsFor(id, pipeline), pipeline, onStatus)

  const extensions = config.extensionIds.map((id) => {
    const part = partOf(config.extensions, id)
    const node = nodeOf(part.id)
    make(node, part)
    return node
  })

  const exporters = new Map<string, { readonly node: Node; readonly route: Route }>()
  for (const id of new Set(config.pipelines.flatMap((pipeline) => pipeline.exporters))) {
    const part = partOf(config.exporters, id)
    const node = nodeOf(part.id)
    make(node, part)
    const taken = part.factory.kind === 'exporter' ? part.factory.signals : signals
    exporters.set(id, { node, route: { signals: new Set(taken), consumer: node.intake } })
  }

  const entries = new Map<string, Route>()
  const processorsOf = new Map<string, readonly Node[]>()
  for (const pipeline of config.pipelines) {
    const routes = pipeline.exporters.map((id) => limitedTo(pipeline.signals, exporters.get(id)!.route))
    let next: Consumer | Node = fanOut(routes, countIn(unrouted, `pipeline ${pipeline.id}`), pipeline.signals)
    const processors: Node[] = []
    for (const id of [...pipeline.processors].reverse()) {
      const part = partOf(config.processors, id)
      const node = nodeOf(part.id, pipeline.id)
      make(node, part, node.outlet(next))
      processors.unshift(node)
      next = node
    }
    processorsOf.set(pipeline.id, processors)
    const factories = pipeline.processors.map((id) => partOf(config.processors, id).factory)
    const given = withSourcesOf(factories, pipeline.signals)
    const consumer = next instanceof Node ? next.intake : next
    entries.set(pipeline.id, { signals: given, carried: pipeline.signals, consumer })
  }

  const receivers = new Map<string, Node>()
  for (const id of new Set(config.pipelines.flatMap((pipeline) => pipeline.receivers))) {
    const part = partOf(config.receivers, id)
    const node = nodeOf(part.id)
    const fed = config.pipelines.filter((pipeline) => pipeline.receivers.includes(id))
    const next = fanOut(
      fed.map((pipeline) => entries.get(pipeline.id)!),
      countIn(unrouted, `receiver ${id}`),
      signals,
      countIn(used, `receiver ${id}`),
    )
    make(node, part, node.outlet(next))
    receivers.set(id, node)
  }

  const pipelines = config.pipelines.map(
    ({ id, receivers: ids }): PipelinePart => ({
      id,
      receivers: ids.map((receiver) => receivers.get(receiver)!),
      processors: processorsOf.get(id)!,
    }),
  )
  const parts = {
    extensions,
    receivers: [...receivers.values()],
    pipelines,
    exporters: [...exporters.values()].map(({ node }) => node),
    unrouted,
    used,
  }
  return createGraph(parts, options.logger)
}

const limitedTo = (carried: ReadonlySet<Signal>, { signals: taken, consumer }: Route): Route => ({
  signals: new Set([...taken].filter((signal) => carried.has(signal))),
  consumer,
})

/** What a pipeline is given: what it carries, and that of which its processors make such. */
function withSourcesOf(processors: readonly Factory[], carried: ReadonlySet<Signal>): ReadonlySet<Signal> {
  const sources = processors.flatMap((factory) =>
    factory.kind === 'processor' && factory.makes !== undefined && carried.has(factory.makes.signal)
      ? factory.makes.of
      : [],
  )
  return new Set([...carried, ...sources])
}

function partOf(parts: ReadonlyMap<string, ComponentConfig>, id: string): ComponentConfig {
  const part = parts.get(id)
  if (part === undefined) throw new Error(`the configuration names ${id} but does not define it`)
  return part
}

/** Makes the node's component, unless its factory says that this machine cannot serve it. */
function make(node: Node, { factory, config }: ComponentConfig, next?: Consumer): void {
  try {
    node.make(factory.unavailable?.(), () => create(factory, node.settings, config, next))
  } catch (error) {
    throw new Error(`${node.name} could not be made: ${messageOf(error)}`, { cause: error })
  }
}

// The configuration was validated against this very factory's schema: the one cast from data to its type.
function create(factory: Factory, settings: Settings, config: unknown, next: Consumer | undefined) {
  switch (factory.kind) {
    case 'receiver':
    case 'processor':
      return factory.create(settings, config as never, next!)
    case 'exporter':
    case 'extension':
      return factory.create(settings, config as never)
  }
}
