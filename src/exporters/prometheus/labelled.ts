import type { Attributes } from '../../data/attributes.js'
import type { Resource } from '../../data/resource.js'
import { labelText } from '../../lib/openmetrics/exposition.js'
import type { Labels } from '../../lib/openmetrics/family.js'
import type { Pausable } from '../../util/pausable.js'
import type { LabelPart, Shared } from './shared.js'

/** Labels made in one piece: about 1 ms when they are made for the first time. */
export const kPieceLabels = 256

/** A rule that makes labels of what series share. Its text is made once for each resource, not once for each series and scrape. */
export class Labelled<T> {
  /** The labels; undefined leaves the series out. */
  readonly labels: (content: T) => Labels | undefined
  readonly #slot: number
  readonly #slots: () => number
  readonly #resourceLabels: ReadonlySet<string>

  /** @param slots - how many rules there are, once all are made */
  constructor(
    slot: number,
    slots: () => number,
    labels: (content: T) => Labels | undefined,
    resourceLabels: ReadonlySet<string>,
  ) {
    this.#slot = slot
    this.#slots = slots
    this.labels = labels
    this.#resourceLabels = resourceLabels
  }

  of(shared: Shared<T>): LabelPart | null {
    const known = shared.parts[this.#slot]
    if (known !== undefined) return known
    const labels = this.labels(shared.content)
    const part = labels === undefined ? null : { text: labelText(labels), mixes: this.#mixes(labels) }
    // An array that grows would take 200 bytes for the first one.
    if (shared.parts.length === 0) shared.parts = new Array<undefined>(this.#slots()).fill(undefined)
    shared.parts[this.#slot] = part
    return part
  }

  /** Texts that several of these have. */
  *twins(all: Iterable<Shared<T>>): Pausable<ReadonlySet<string>> {
    const seen = new Set<string>()
    const twins = new Set<string>()
    let looked = 0
    for (const shared of all) {
      if (++looked % kPieceLabels === 0) yield
      const part = this.of(shared)
      if (part === null) continue
      if (seen.has(part.text)) twins.add(part.text)
      else seen.add(part.text)
    }
    return twins
  }

  #mixes(labels: Labels): boolean {
    return labels.some(([name]) => this.#resourceLabels.has(name))
  }
}

type Labeller<T> = (labels: (content: T) => Labels | undefined, resourceLabels?: ReadonlySet<string>) => Labelled<T>

function labeller<T>(): Labeller<T> {
  let slots = 0
  return (labels, resourceLabels = new Set()) => new Labelled(slots++, () => slots, labels, resourceLabels)
}

/** Called at load time only: each rule has a place of its own in what it labels. */
export const ofResource = labeller<Resource>()
export const ofAttributes = labeller<Attributes>()
