import { textFormat } from '../../lib/openmetrics/exposition.js'
import { type Family, namesOf } from '../../lib/openmetrics/family.js'
import type { Pausable } from '../../util/pausable.js'
import type { KeptText } from './kept-text.js'
import { MetricPart, type Part, type Twins } from './part.js'
import type { Profile } from './profile.js'
import { kBlockRows } from './series-rows.js'
import type { StoreView } from './series-store.js'
import type { Sheet } from './sheet.js'

export interface PageFamily {
  readonly family: Family
  readonly head: Sheet
  readonly parts: readonly Part[]
  /** No two of its lines are of one series, and none will be while the shape of the store is this one. */
  readonly unlike: boolean
}

/** What stands on a page, without the values. */
export interface Assembled {
  readonly families: readonly PageFamily[]
  /** Those whose name is another's. */
  readonly leftOut: readonly Part[]
  /** Of the last line. */
  readonly end: Sheet
}

/** Rows looked through in one piece: about 1 ms where each may have a twin. */
export const kPieceRows = 1024

/** The families of the profiles: those of the page before, if nothing came or went since. */
export function assembled(live: StoreView, profiles: readonly Profile[], kept: KeptText): Pausable<Assembled> {
  return kept.once(assembled, live.shape, function* () {
    const made = yield* assemble(live, profiles, kept)
    for (const { parts } of made.families)
      for (const { sheet, rows } of parts) sheet.length = Math.min(sheet.length, Math.ceil(rows / kBlockRows))
    kept.settle(new Set(sheetsOf(made)))
    return made
  })
}

/**
 * Two metrics of one profile that Prometheus spells alike (`a.b` and `a_b`) share the family when their types agree;
 * else the first one has the name. So it is with a gauge that is called like the samples of another (`h_count`).
 */
function* assemble(live: StoreView, profiles: readonly Profile[], kept: KeptText): Pausable<Assembled> {
  // Series, and the resources that tell them apart, are those of one moment: another one that came between the two could be
  // the twin that nobody had looked for.
  const store = heldStill(live)
  const twins = new Map<unknown, ReadonlySet<string>>()
  const metrics = profiles.map((profile) => metricsOf(profile, store, (rule) => twins.get(rule)!, kept))
  const families = new Map<string, { readonly family: Family; readonly parts: Part[] }>()
  const owned = new Set<string>()
  const leftOut: Part[] = []
  for (const [at, profile] of profiles.entries()) {
    const taken = new Set(families.keys())
    for (const { family, part } of [...(yield* profile.others(store, kept)), ...metrics[at]!]) {
      yield
      if (part instanceof MetricPart) {
        const rule = part.spelling.resource
        const look = () => rule.twins(store.resources())
        if (!twins.has(rule)) twins.set(rule, yield* kept.once(rule, store.resourcesVersion, look))
        yield* part.lookAtAttributes()
      }
      if (taken.has(family.name) || part.isEmpty()) continue
      const names = namesOf(family)
      const known = families.get(family.name)
      if (known?.family.type === family.type) known.parts.push(part)
      else if (names.some((each) => owned.has(each))) leftOut.push(part)
      else {
        families.set(family.name, { family, parts: [part] })
        for (const each of names) owned.add(each)
      }
    }
  }
  const sorted = [...families.values()].sort((a, b) => (a.family.name < b.family.name ? -1 : 1))
  const looked: PageFamily[] = []
  for (const { family, parts } of sorted)
    looked.push({ family, head: [], parts, unlike: yield* areUnlike(family, parts) })
  return { families: looked, leftOut, end: [] }
}

/** Whether a row of these parts may have a twin among their others. */
export function twinRule(parts: readonly Part[]): (part: Part, row: number) => boolean {
  const any = parts.length > 1 || parts.some(({ mixes }) => mixes)
  return (part, row) => any || part.mayHaveTwin(row)
}

function* areUnlike({ type }: Family, parts: readonly Part[]): Pausable<boolean> {
  if (parts.length === 1 && !parts[0]!.mixes && !parts[0]!.hasTwins()) return true
  const mayHaveTwin = twinRule(parts)
  const heads = new Set<string>()
  for (const part of parts)
    for (let row = 0; row < part.rows; row++) {
      if (row % kPieceRows === kPieceRows - 1) yield
      if (!mayHaveTwin(part, row)) continue
      // Its buckets, each a series, come with the value.
      if (type === 'histogram') return false
      for (const [head] of part.samples(row, textFormat)) {
        if (heads.has(head)) return false
        heads.add(head)
      }
    }
  return true
}

interface Named {
  readonly family: Family
  readonly part: Part
}

function metricsOf(profile: Profile, store: StoreView, twins: Twins, kept: KeptText): readonly Named[] {
  const found: Named[] = []
  for (const table of store.tables()) {
    const spelled = kept.spelled(table, profile, () => profile.spell(table.head))
    if (spelled === undefined) continue
    found.push({ family: spelled.spelling.family, part: new MetricPart(table.rows, spelled, twins) })
  }
  return found
}

function* sheetsOf({ families, end }: Assembled): Iterable<Sheet> {
  yield end
  for (const { head, parts, unlike } of families) {
    yield head
    if (unlike) for (const { sheet } of parts) yield sheet
  }
}

function heldStill(store: StoreView): StoreView {
  const { shape, described, resourcesVersion, eventsVersion } = store
  const [tables, resources, events] = [[...store.tables()], [...store.resources()], [...store.events()]]
  return {
    shape,
    described,
    resourcesVersion,
    eventsVersion,
    tables: () => tables,
    resources: () => resources,
    events: () => events,
  }
}
