import type { Registration } from '../component/component.js'
import { parseComponentId } from '../component/id.js'
import { type Signal, signals } from '../data/batch.js'
import { didYouMean, hint } from '../util/did-you-mean.js'
import type { PipelineConfig } from './agent-config.js'
import { type Definition, type Definitions, type Section, sections } from './components.js'
import { named } from './describe.js'
import { checkExtensionReferences } from './extension-references.js'
import { PipelineAdvice, type Reference } from './pipeline-advice.js'
import { type Path, type Problems, printableKey } from './problems.js'
import { type Entry, locate, type Node, type ScalarNode } from './tree.js'

const parts = ['receivers', 'processors', 'exporters'] as const

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
  readonly #registrations: readonly Registration[]
  readonly #problems: Problems
  readonly #advice: PipelineAdvice
  readonly #used = new Set<Definition>()

  constructor(root: Node, definitions: Definitions, registrations: readonly Registration[], problems: Problems) {
    this.#file = { keyPosition: root.position, node: root }
    this.#definitions = definitions
    this.#registrations = registrations
    this.#problems = problems
    this.#advice = new PipelineAdvice(this.#file, definitions, problems)
  }

  /** @returns the pipelines, complete only when nothing was wrong */
  check(): readonly PipelineConfig[] {
    const path = ['service', 'pipelines']
    const { node, position } = locate(this.#file, path)
    const written = this.#has(path) && node.kind === 'map' ? [...node.entries.keys()] : []
    if (written.length === 0 && (!this.#has(path) || node.kind === 'map' || isEmpty(node)))
      this.#problems.add('CFG_VALUE', position, path, this.#noPipeline())
    const pipelines = written.flatMap((id) => this.#pipeline(id, [...path, id]) ?? [])
    const extensions = this.#references(['service', 'extensions'])
    this.#resolve('extensions', extensions)
    this.#checkExtensionReferences(new Set(extensions.map(({ id }) => id)))
    this.#advice.ofUnused(this.#used)
    this.#advice.ofSharedFate(pipelines)
    this.#advice.ofSelfTraces(pipelines)
    return Object.freeze(pipelines)
  }

  #pipeline(id: string, path: Path): PipelineConfig | undefined {
    const { node, position } = locate(this.#file, path)
    const carried = signalsOf(id)
    if (carried === undefined) {
      const reason =
        'is not a pipeline id; write traces, metrics, logs or another word in lower case, with a /name if need be'
      this.#problems.add('CFG_VALUE', position, path, reason)
    } else if (carried.size > 1) this.#advice.ofId(id, position, path)
    if (node.kind !== 'map' && !isEmpty(node)) return undefined
    const lists = {
      receivers: this.#part('receivers', path),
      processors: this.#part('processors', path),
      exporters: this.#part('exporters', path),
    }
    for (const part of parts) this.#resolve(part, lists[part])
    if (carried === undefined) return undefined
    this.#checkSignals(lists.exporters, carried)
    this.#advice.ofOrder(lists.processors)
    this.#advice.ofInput(lists, carried)
    this.#advice.ofSilence(lists, carried, position, path)
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
    if (part !== 'processors' && empty) {
      const beside = isEmpty(locate(this.#file, pipeline).node) && this.#has([...pipeline.slice(0, -1), part])
      const indent = beside ? `; "${part}:" stands in the column of the pipeline: indent it further` : ''
      this.#problems.add('CFG_VALUE', position, path, `a pipeline needs at least one ${sections[part]}${indent}`)
    }
    return references
  }

  /** Also where there is one, in the column of "pipelines:". */
  #noPipeline(): string {
    const { node } = locate(this.#file, ['service'])
    const beside = node.kind === 'map' ? [...node.entries] : []
    const one = beside.find(([, entry]) => entry.node.kind === 'map' && entry.node.entries.has('exporters'))
    const reason = 'at least one pipeline is needed, with receivers and exporters'
    return one === undefined
      ? reason
      : `${reason}; "${printableKey(one[0])}:" stands in the column of "pipelines:": indent it further`
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
      const name = named(node)
      if (seen.has(id)) this.#problems.add('CFG_REFERENCE', node.position, path, `${name} is listed twice`)
      else if (definition === undefined && !this.#isMisspelledThere(section, id)) {
        const remedy = node.substituted === undefined ? this.#remedy(section, id) : ` in "${section}:"`
        this.#problems.add('CFG_REFERENCE', node.position, path, `${name} is not defined${remedy}`)
      }
      if (definition !== undefined) this.#used.add(definition)
      seen.add(id)
    }
  }

  #checkExtensionReferences(listed: ReadonlySet<string>): void {
    const known = { defined: [...this.#definitions.extensions.keys()], listed }
    for (const section of parts)
      for (const [id, definition] of this.#definitions[section])
        if (this.#used.has(definition)) checkExtensionReferences(definition, [section, id], known, this.#problems)
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
    const kind = sections[section]
    const types = this.#registrations.filter((one) => one.kind === kind).map(({ type }) => type)
    const meantType = types.includes(id) ? undefined : didYouMean(id, types)
    const there = ` in "${section}:", which has ${defined.length === 0 ? 'nothing' : defined.map(printableKey).join(', ')}`
    return meantType === undefined ? there : `${there}; did you mean the type "${meantType}"?`
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

  /** What a pipeline or `service.extensions` names, once all is checked. */
  get used(): ReadonlySet<Definition> {
    return this.#used
  }

  /** Whether the file has something at the whole path. */
  #has(path: Path): boolean {
    const parent = locate(this.#file, path.slice(0, -1)).node
    return parent.kind === 'map' && parent.entries.has(String(path.at(-1)))
  }
}

function isIdText({ value, text, substituted }: ScalarNode): boolean {
  return text !== '' && (substituted === undefined ? typeof value === 'string' : !substituted.failed)
}

function isEmpty(node: Node): boolean {
  return node.kind === 'scalar' && node.value === null && node.substituted === undefined
}
