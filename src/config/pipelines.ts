import { parseComponentId } from '../component/id.js'
import { type Signal, signals } from '../data/batch.js'
import { didYouMean, hint } from '../util/did-you-mean.js'
import type { PipelineConfig } from './agent-config.js'
import { type Definition, type Section, sections } from './components.js'
import { patternAdvice } from './pattern-advice.js'
import { type Path, type Problems, printable } from './problems.js'
import { type Entry, locate, type Node, type ScalarNode } from './tree.js'

export type Definitions = Readonly<Record<Section, ReadonlyMap<string, Definition>>>

/** One id in a list of the `service` section. */
interface Reference {
  readonly id: string
  readonly node: ScalarNode
  readonly path: Path
  /** Of the list, `memory_limiter` of `memory_limiter/big`. */
  readonly index: number
}

const parts = ['receivers', 'processors', 'exporters'] as const

/** Which processors read what another one adds to events: behind them it adds it for nobody. */
const usersOf: Readonly<Record<string, readonly string[]>> = {
  dependency: ['incident'],
  incident: ['lifecycle_spans'],
  memory_leak: ['prediction'],
  periodic_crash: ['prediction'],
}

/** Which signals a pipeline's id stands for; undefined when it is not an id at all. */
export function signalsOf(id: string): ReadonlySet<Signal> | undefined {
  const type = parseComponentId('receiver', id)?.type
  if (type === undefined) return undefined
  const one = signals.find((signal) => signal === type)
  return new Set(one === undefined ? signals : [one])
}

/**
 * Checks the `service` section against what the file defines. It reads the tree and leaves shapes to the validator, so
 * that one wrong entry does not hide what is wrong with the others.
 *
 * @param root - the whole file
 */
export class PipelineChecker {
  /** The whole file, as if it stood below a key. */
  readonly #file: Entry
  readonly #definitions: Definitions
  readonly #problems: Problems
  readonly #used = new Set<Definition>()

  constructor(root: Node, definitions: Definitions, problems: Problems) {
    this.#file = { keyPosition: root.position, node: root }
    this.#definitions = definitions
    this.#problems = problems
  }

  /** @returns the pipelines, complete only when nothing was wrong */
  check(): readonly PipelineConfig[] {
    const path = ['service', 'pipelines']
    const { node, position } = locate(this.#file, path)
    const written = this.#has(path) && node.kind === 'map' ? [...node.entries.keys()] : []
    if (written.length === 0 && (!this.#has(path) || node.kind === 'map' || isEmpty(node)))
      this.#problems.add('CFG_VALUE', position, path, 'at least one pipeline is needed, with receivers and exporters')
    const pipelines = written.flatMap((id) => this.#pipeline(id, [...path, id]) ?? [])
    this.#resolve('extensions', this.#references(['service', 'extensions']))
    this.#adviseUnused()
    this.#adviseSharedFate(pipelines)
    return Object.freeze(pipelines)
  }

  #pipeline(id: string, path: Path): PipelineConfig | undefined {
    const { node, position } = locate(this.#file, path)
    const carried = signalsOf(id)
    if (carried === undefined) {
      const reason =
        'is not a pipeline id; write traces, metrics, logs or another word in lower case, with a /name if need be'
      this.#problems.add('CFG_VALUE', position, path, reason)
    } else if (carried.size > 1) this.#adviseId(id, position, path)
    if (node.kind !== 'map' && !isEmpty(node)) return undefined
    const lists = {
      receivers: this.#part('receivers', path),
      processors: this.#part('processors', path),
      exporters: this.#part('exporters', path),
    }
    for (const part of parts) this.#resolve(part, lists[part])
    if (carried === undefined) return undefined
    this.#checkSignals(lists.exporters, carried)
    this.#adviseOrder(lists.processors)
    this.#adviseInput(lists, carried)
    const [receivers, processors, exporters] = parts.map((part) =>
      Object.freeze(lists[part].map(({ id: name }) => name)),
    )
    return Object.freeze({
      id,
      signals: carried,
      receivers: receivers!,
      processors: processors!,
      exporters: exporters!,
    })
  }

  #part(part: (typeof parts)[number], pipeline: Path): readonly Reference[] {
    const path = [...pipeline, part]
    const references = this.#references(path)
    const { node, position } = locate(this.#file, path)
    const empty = !this.#has(path) || (node.kind === 'list' && node.items.length === 0)
    if (part !== 'processors' && empty)
      this.#problems.add('CFG_VALUE', position, path, `a pipeline needs at least one ${sections[part]}`)
    return references
  }

  /** The ids of a list, without what is not text. */
  #references(path: Path): readonly Reference[] {
    const { node } = locate(this.#file, path)
    if (!this.#has(path) || node.kind !== 'list') return []
    return node.items.flatMap((item, index) =>
      item.kind === 'scalar' && isIdText(item) ? [{ id: item.text, node: item, path: [...path, index], index }] : [],
    )
  }

  #resolve(section: Section, references: readonly Reference[]): void {
    const seen = new Set<string>()
    for (const { id, node, path } of references) {
      const definition = this.#definitions[section].get(id)
      const name =
        node.substituted === undefined ? `"${printable(id)}"` : `the value of ${node.substituted.names.join(' and ')}`
      if (seen.has(id)) this.#problems.add('CFG_REFERENCE', node.position, path, `${name} is listed twice`)
      else if (definition === undefined && !this.#isMisspelledThere(section, id)) {
        const remedy = node.substituted === undefined ? this.#remedy(section, id) : ` in "${section}:"`
        this.#problems.add('CFG_REFERENCE', node.position, path, `${name} is not defined${remedy}`)
      }
      if (definition !== undefined) this.#used.add(definition)
      seen.add(id)
    }
  }

  /** Whether what is meant stands in its section under a type that does not exist: that has been said, with this id. */
  #isMisspelledThere(section: Section, id: string): boolean {
    const meant = didYouMean(id, this.#definitions[section].keys())
    return meant !== undefined && this.#definitions[section].get(meant)!.factory === undefined
  }

  #remedy(section: Section, id: string): string {
    const others = Object.keys(sections) as Section[]
    const elsewhere = others.find((other) => this.#definitions[other].has(id))
    if (elsewhere !== undefined) return ` in "${section}:"; it is one of the ${elsewhere}`
    const defined = [...this.#definitions[section].keys()]
    const meant = hint(id, defined)
    if (meant !== '') return meant
    return ` in "${section}:", which has ${defined.length === 0 ? 'nothing' : defined.join(', ')}`
  }

  /** An exporter that takes none of what its pipeline carries would wait for ever. */
  #checkSignals(exporters: readonly Reference[], carried: ReadonlySet<Signal>): void {
    for (const { id, node, path } of exporters) {
      const factory = this.#definitions.exporters.get(id)?.factory
      if (factory?.kind !== 'exporter' || factory.signals.some((signal) => carried.has(signal))) continue
      const reason = `this exporter takes only ${factory.signals.join(' and ')}; the pipeline carries ${[...carried].join(' and ')}`
      this.#problems.add('CFG_REFERENCE', node.position, path, reason)
    }
  }

  /** `trace/x` is a good id, and carries everything: seldom what was meant. */
  #adviseId(id: string, position: Node['position'], path: Path): void {
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

  #adviseOrder(processors: readonly Reference[]): void {
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

  /** A pattern that is not given what it reads is as silent as one that has found nothing. */
  #adviseInput(lists: Record<'receivers' | 'processors', readonly Reference[]>, carried: ReadonlySet<Signal>): void {
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
  #adviseSharedFate(pipelines: readonly PipelineConfig[]): void {
    for (const [id, { factory, component }] of this.#definitions.exporters) {
      if (factory?.kind !== 'exporter' || component === undefined) continue
      // Valid for this very factory's schema; see Factory.
      const remedy = factory.waitsUnless?.(component.config as never)
      const its = pipelines.filter(({ exporters }) => exporters.includes(id))
      const sources = its.flatMap(({ receivers }) => receivers)
      const beside = pipelines.filter(({ receivers }) => receivers.some((receiver) => sources.includes(receiver)))
      const others = [...new Set(beside.flatMap(({ exporters }) => exporters))].filter((other) => other !== id)
      if (remedy === undefined || others.length === 0) continue
      const path = ['service', 'pipelines', its[0]!.id, 'exporters', its[0]!.exporters.indexOf(id)]
      const reason = `once its queue is full, ${others.map((other) => printable(other)).join(' and ')} will stand still with it: they share a receiver; write ${remedy}, or give it receivers of its own`
      this.#problems.warn('CFG_SHARED_FATE', locate(this.#file, path).position, path, reason)
    }
  }

  #adviseUnused(): void {
    for (const [section, defined] of Object.entries(this.#definitions)) {
      for (const [id, definition] of defined) {
        if (this.#used.has(definition)) continue
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

  /** Whether the file has something at the whole path. */
  #has(path: Path): boolean {
    const parent = locate(this.#file, path.slice(0, -1)).node
    return parent.kind === 'map' && parent.entries.has(String(path.at(-1)))
  }
}

const typesOf = (references: readonly Reference[]): readonly string[] => references.map(({ id }) => id.split('/')[0]!)

function isIdText({ value, text, substituted }: ScalarNode): boolean {
  return text !== '' && (substituted === undefined ? typeof value === 'string' : !substituted.failed)
}

function isEmpty(node: Node): boolean {
  return node.kind === 'scalar' && node.value === null && node.substituted === undefined
}
