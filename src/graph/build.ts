import { isDeepStrictEqual } from 'node:util'
import type { Consumer, Factory, Settings } from '../component/component.js'
import type { ComponentId } from '../component/id.js'
import type { Logger } from '../component/logger.js'
import type { Status } from '../component/status.js'
import type { AgentConfig, ComponentConfig } from '../config/agent-config.js'
import { type Items, type Signal, signals } from '../data/batch.js'
import { Tally, totalOf } from '../data/tally.js'
import { fanOut, type Route } from './fan-out.js'
import { createGraph, type Graph, type Member, type Parts, type PipelinePart } from './graph.js'
import { messageOf, Node, type NodeSettings } from './node.js'

export interface BuildOptions {
  readonly logger: Logger
  /** What each instance is given; `pipeline` is set for processors. */
  settingsFor(id: ComponentId, pipeline: string | undefined, config: AgentConfig): NodeSettings
  /** Told of every change of status, once the component is made. */
  onStatus?(id: ComponentId, pipeline: string | undefined, status: Status): void
  /** Told of a component that a new configuration no longer has, once it has stopped. */
  onGone?(id: ComponentId, pipeline: string | undefined): void
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
  return createGraph({
    parts: buildParts(config, options),
    rebuild: (next, before) => buildParts(next, options, before),
    logger: options.logger,
    ...(options.onGone === undefined ? {} : { onGone: options.onGone }),
  })
}

/** @param before - what runs: of it what is configured alike stays as it is, and is only joined anew, by `join` */
function buildParts(config: AgentConfig, options: BuildOptions, before?: Parts): Parts {
  const unrouted = before?.unrouted ?? new Map<string, Tally>()
  const used = before?.used ?? new Map<string, Tally>()
  const countIn = (counts: Map<string, Tally>, place: string) => (items: Items) =>
    void (totalOf(items) > 0 && counts.set(place, (counts.get(place) ?? new Tally()).add(items)))
  const onStatus = (node: Node, status: Status) => options.onStatus?.(node.settings.id, node.pipeline, status)
  const members = new Map<string, Member>()
  const joins: (() => void)[] = []

  /** The component of before where it is configured alike, else a new one in its place. */
  const nodeOf = (part: ComponentConfig, pipeline?: string, next?: Consumer | Node): Node => {
    const key = `${part.id.kind} ${part.id.id}@${pipeline ?? ''}`
    const known = before?.members.get(key)
    let node = known?.node
    if (before !== undefined && known?.node.isUp && staysAlike(known.part, part, before.config, config)) {
      if (next !== undefined) joins.push(() => known.node.redirect(next))
    } else {
      node = new Node(options.settingsFor(part.id, pipeline, config), pipeline, onStatus, known?.node)
      make(node, part, next === undefined ? undefined : node.outlet(next))
    }
    members.set(key, { node: node!, part })
    return node!
  }

  const extensions = config.extensionIds.map((id) => nodeOf(partOf(config.extensions, id)))

  const exporters = new Map<string, { readonly node: Node; readonly route: Route }>()
  for (const id of new Set(config.pipelines.flatMap((pipeline) => pipeline.exporters))) {
    const part = partOf(config.exporters, id)
    const node = nodeOf(part)
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
      next = nodeOf(partOf(config.processors, id), pipeline.id, next)
      processors.unshift(next)
    }
    processorsOf.set(pipeline.id, processors)
    const factories = pipeline.processors.map((id) => partOf(config.processors, id).factory)
    const given = withSourcesOf(factories, pipeline.signals)
    const consumer = next instanceof Node ? next.intake : next
    entries.set(pipeline.id, { signals: given, carried: pipeline.signals, consumer })
  }

  const receivers = new Map<string, Node>()
  for (const id of new Set(config.pipelines.flatMap((pipeline) => pipeline.receivers))) {
    const fed = config.pipelines.filter((pipeline) => pipeline.receivers.includes(id))
    const next = fanOut(
      fed.map((pipeline) => entries.get(pipeline.id)!),
      countIn(unrouted, `receiver ${id}`),
      signals,
      countIn(used, `receiver ${id}`),
    )
    receivers.set(id, nodeOf(partOf(config.receivers, id), undefined, next))
  }

  const pipelines = config.pipelines.map(
    ({ id, receivers: ids }): PipelinePart => ({
      id,
      receivers: ids.map((receiver) => receivers.get(receiver)!),
      processors: processorsOf.get(id)!,
    }),
  )
  // The very moment in which the ways change: what is made in vain leaves it as it was.
  joins.push(() => markSelfTraces(config, members))
  const join = (): void => {
    for (const one of joins) one()
  }
  if (before === undefined) join()
  return {
    config,
    members,
    extensions,
    receivers: [...receivers.values()],
    pipelines,
    exporters: [...exporters.values()].map(({ node }) => node),
    unrouted,
    used,
    gone: before?.gone ?? [],
    join,
  }
}

/** Tells those that the agent's own spans pass through: processors of a pipeline that has them, and its exporters. */
function markSelfTraces({ receivers, pipelines }: AgentConfig, members: ReadonlyMap<string, Member>): void {
  const emits = (id: string): boolean => {
    const { factory, config } = partOf(receivers, id)
    return factory.kind === 'receiver' && factory.emitsSelfTraces?.(config as never) === true
  }
  const having = pipelines.filter(({ signals: carried, receivers: ids }) => carried.has('traces') && ids.some(emits))
  const inPipelines = new Set(having.map(({ id }) => id))
  const exporters = new Set(having.flatMap((pipeline) => pipeline.exporters))
  for (const { node } of members.values()) {
    const { id, telemetry } = node.settings
    telemetry.passesSelfTraces =
      node.pipeline === undefined ? id.kind === 'exporter' && exporters.has(id.id) : inPipelines.has(node.pipeline)
  }
}

/** Whether what runs is what this configuration asks for. */
function staysAlike(before: ComponentConfig, after: ComponentConfig, was: AgentConfig, is: AgentConfig): boolean {
  // Of the same id, so of the same type.
  if (!isDeepStrictEqual(before.config, after.config)) return false
  if (was.stateDirectory !== is.stateDirectory || !isDeepStrictEqual(was.maintenance, is.maintenance)) return false
  // A queue may lie in an extension.
  return after.id.kind === 'extension' || sameExtensions(was, is)
}

function sameExtensions(was: AgentConfig, is: AgentConfig): boolean {
  const of = (config: AgentConfig) => config.extensionIds.map((id) => [id, config.extensions.get(id)?.config])
  return isDeepStrictEqual(of(was), of(is))
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
