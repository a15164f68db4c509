import type { Factory } from '../component/component.js'
import { type Signal, signals } from '../data/batch.js'
import { didYouMean } from '../util/did-you-mean.js'
import type { PipelineConfig } from './agent-config.js'
import type { Definition, Definitions } from './components.js'
import { patternAdvice } from './pattern-advice.js'
import { type Path, type Problems, printable } from './problems.js'
import { type Entry, locate, type Node, type ScalarNode } from './tree.js'

/** One id in a list of the `service` section. */
export interface Reference {
  readonly id: string
  readonly node: ScalarNode
  readonly path: Path
  /** Of the list, `memory_limiter` of `memory_limiter/big`. */
  readonly index: number
}

/** Which processors read what another one adds to events: behind them it adds it for nobody. */
const usersOf: Readonly<Record<string, readonly string[]>> = {
  dependency: ['incident'],
  incident: ['lifecycle_spans'],
  memory_leak: ['prediction'],
  periodic_crash: ['prediction'],
}

/** What is allowed in pipelines, and seldom meant: warnings. */
export class PipelineAdvice {
  /** The whole file, as if it stood below a key. */
  readonly #file: Entry
  readonly #definitions: Definitions
  readonly #problems: Problems

  constructor(file: Entry, definitions: Definitions, problems: Problems) {
    this.#file = file
    this.#definitions = definitions
    this.#problems = problems
  }

  /** `trace/x` is a good id, and carries everything: seldom what was meant. */
  ofId(id: string, position: Node['position'], path: Path): void {
    const [type, name] = id.split('/') as [string, string | undefined]
    const meant = didYouMean(type, signals)
    if (meant === undefined) return
    const whole = name === undefined ? meant : `${meant}/${name}`
    this.#problems.warn(
      'CFG_PIPELINE_ID',
      position,
      path,
      `this id carries all three signals; did you mean "${whole}"?`,
    )
  }

  ofOrder(processors: readonly Reference[]): void {
    const types = typesOf(processors)
    for (const [at, { node, path, index }] of processors.entries()) {
      const advise = (reason: string): void => this.#problems.warn('CFG_ORDER', node.position, path, reason)
      const type = types[at]!
      if (type === 'memory_limiter' && index > 0)
        advise('should be the first processor; it does not protect what stands before it')
      if (type === 'batch' && index < processors.length - 1)
        advise('should be the last processor; those after it change the sizes it made')
      const user = types.slice(0, at).find((before) => usersOf[type]?.includes(before))
      if (user !== undefined) advise(`should stand before ${user}, which uses what it adds to events`)
    }
  }

  /** A pipeline whose receivers bring nothing of what it carries, or can be made into that, is right and stays empty. */
  ofSilence(
    lists: Record<'receivers' | 'processors', readonly Reference[]>,
    carried: ReadonlySet<Signal>,
    position: Node['position'],
    path: Path,
  ): void {
    const brought = lists.receivers.map(({ id }) => ({ id, signals: broughtBy(this.#definitions.receivers.get(id)) }))
    const makers = lists.processors.flatMap(({ id }) => makesOf(this.#definitions.processors.get(id)?.factory) ?? [])
    const there = new Set(brought.flatMap((one) => one.signals))
    // As src/graph/build.ts: what a pipeline carries is made of what its receivers bring, or of what was made before.
    for (const { signal, of } of makers) if (there.has(of)) there.add(signal)
    if (brought.length === 0 || [...carried].some((signal) => there.has(signal))) return
    const each = brought.map((one) => `${printable(one.id)} brings ${one.signals.join(' and ')}`).join(', ')
    const remedy = carried.has('traces') && there.has('logs') ? '; lifecycle_spans makes spans of events' : ''
    const reason = `nothing will flow through it: it carries ${[...carried].join(' and ')}, and ${each}${remedy}`
    this.#problems.warn('CFG_INPUT', position, path, reason)
  }

  /** A pattern that is not given what it reads is as silent as one that has found nothing. */
  ofInput(lists: Record<'receivers' | 'processors', readonly Reference[]>, carried: ReadonlySet<Signal>): void {
    const surroundings = { carried, receivers: typesOf(lists.receivers), processors: typesOf(lists.processors) }
    for (const [at, { node, path }] of lists.processors.entries()) {
      const reason = patternAdvice(surroundings.processors[at]!, surroundings)
      if (reason !== undefined) this.#problems.warn('CFG_INPUT', node.position, path, reason)
    }
  }

  /**
   * A receiver goes on when all it feeds have taken a batch, so an exporter that waits stops the others of its receivers, in
   * whichever pipeline they are (decision 0074).
   */
  ofSharedFate(pipelines: readonly PipelineConfig[]): void {
    for (const [id, { factory, component }] of this.#definitions.exporters) {
      if (factory?.kind !== 'exporter' || component === undefined) continue
      // Valid for this very factory's schema; see Factory.
      const remedy = factory.waitsUnless?.(component.config as never)
      const its = pipelines.filter(({ exporters }) => exporters.includes(id))
      const sources = its.flatMap(({ receivers }) => receivers)
      const beside = pipelines.filter(({ receivers }) => receivers.some((receiver) => sources.includes(receiver)))
      const others = [...new Set(beside.flatMap(({ exporters }) => exporters))].filter((other) => other !== id)
      if ((remedy ?? factory.waitsOnce) === undefined || others.length === 0) continue
      const path = ['service', 'pipelines', its[0]!.id, 'exporters', its[0]!.exporters.indexOf(id)]
      const still = `${others.map((other) => printable(other)).join(' and ')} will stand still with it: they share a receiver`
      const setting = remedy === undefined ? '' : `write ${remedy}, or `
      const own = `give it receivers of its own, such as ${sources[0]!.split('/')[0]}/${id.split('/')[0]}`
      const reason = `once ${remedy === undefined ? factory.waitsOnce : 'its queue is full'}, ${still}; ${setting}${own}`
      this.#problems.warn('CFG_SHARED_FATE', locate(this.#file, path).position, path, reason)
    }
  }

  /** Spans that are made and that nobody is given. */
  ofSelfTraces(pipelines: readonly PipelineConfig[]): void {
    for (const [id, { factory, component, entry }] of this.#definitions.receivers) {
      if (factory?.kind !== 'receiver' || component === undefined) continue
      const its = pipelines.filter(({ receivers }) => receivers.includes(id))
      const emits = factory.emitsSelfTraces?.(component.config as never) === true
      if (!emits || its.length === 0 || its.some(({ signals: carried }) => carried.has('traces'))) continue
      const reason = 'its spans go nowhere: no pipeline that carries traces has it; add one, e.g. traces/self'
      this.#problems.warn('CFG_INPUT', entry.keyPosition, ['receivers', id], reason)
    }
  }

  /** @param used - by a pipeline, or as an extension */
  ofUnused(used: ReadonlySet<Definition>): void {
    for (const [section, defined] of Object.entries(this.#definitions)) {
      for (const [id, definition] of defined) {
        if (used.has(definition)) continue
        const where = section === 'extensions' ? 'service.extensions does not list it' : 'no pipeline names it'
        this.#problems.warn(
          'CFG_UNUSED',
          definition.entry.keyPosition,
          [section, id],
          `is defined but not used: ${where}`,
        )
      }
    }
  }
}

/** All signals where that is not known: of what is wrong something else is said. */
function broughtBy(definition: Definition | undefined): readonly Signal[] {
  const { factory, component } = definition ?? {}
  if (factory?.kind !== 'receiver' || factory.signals === undefined || component === undefined) return signals
  // Valid for this very factory's schema; see Factory.
  const traces = factory.emitsSelfTraces?.(component.config as never) !== false
  return factory.signals.filter((signal) => traces || signal !== 'traces')
}

const makesOf = (factory: Factory | undefined) => (factory?.kind === 'processor' ? factory.makes : undefined)

const typesOf = (references: readonly Reference[]): readonly string[] => references.map(({ id }) => id.split('/')[0]!)
