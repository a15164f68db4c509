import { type Format, familyHead, pageEnd } from '../../lib/openmetrics/exposition.js'
import { type Family, namesOf } from '../../lib/openmetrics/family.js'
import type { MetricHead } from '../../lib/openmetrics/spelling.js'
import type { Pausable } from '../../util/pausable.js'
import { nodeExporterProfile, systemdExporterProfile } from './compat-profiles.js'
import { MetricPart, type Part, type Twins } from './part.js'
import type { Profile } from './profile.js'
import type { StoreView } from './series-store.js'
import { unitscopeProfile } from './unitscope-profile.js'

export const profileNames = ['unitscope', 'node_exporter', 'systemd_exporter'] as const
export type ProfileName = (typeof profileNames)[number]

// Some names of ours are systemd_exporter's, too (systemd_unit_state). Who asks for that profile wants its labels, so
// it owns them; a family may stand on a page only once.
const byPrecedence: readonly (readonly [ProfileName, Profile])[] = [
  ['systemd_exporter', systemdExporterProfile],
  ['node_exporter', nodeExporterProfile],
  ['unitscope', unitscopeProfile],
]

/** Whether one of the profiles shows exemplars of this metric; those of a gauge have no place in OpenMetrics. */
export function showsExemplars(head: MetricHead, wanted: ReadonlySet<ProfileName>): boolean {
  return byPrecedence.some(([name, profile]) => {
    const type = wanted.has(name) ? profile.spell(head)?.family.type : undefined
    return type === 'counter' || type === 'histogram'
  })
}

interface PageFamily {
  readonly family: Family
  readonly parts: readonly Part[]
}

interface Assembled {
  readonly families: readonly PageFamily[]
  /** Those whose name is another's. */
  readonly leftOut: readonly Part[]
}

/**
 * Writes the families of the profiles wanted, each name and each series once, as a text of some 64 KiB at a time, so that a
 * large page holds up nothing else. What the store learns meanwhile is on the page or is not.
 *
 * @returns samples left out because of another one of that name (and labels): one such pair fails the whole scrape
 */
export function* writePage(
  store: StoreView,
  wanted: ReadonlySet<ProfileName>,
  format: Format,
): Generator<string, number, undefined> {
  const assembling = assemble(store, wanted)
  let step = assembling.next()
  for (; step.done !== true; step = assembling.next()) yield ''
  const { families, leftOut } = step.value
  let duplicates = 0
  for (const part of leftOut)
    for (let row = 0; row < part.rows; row++) {
      duplicates += part.samples(row, format).length
      if (row % kPieceRows === kPieceRows - 1) yield ''
    }
  for (const family of families) duplicates += yield* writeFamily(family, format)
  yield pageEnd(format)
  return duplicates
}

/**
 * Two metrics of one profile that Prometheus spells alike (`a.b` and `a_b`) share the family when their types agree;
 * else the first one has the name. So it is with a gauge that is called like the samples of another (`h_count`).
 */
function* assemble(live: StoreView, wanted: ReadonlySet<ProfileName>): Pausable<Assembled> {
  // Series, and the resources that tell them apart, are those of one moment: another one that came between the two could be
  // the twin that nobody had looked for.
  const store = heldStill(live)
  const twins = new Map<unknown, ReadonlySet<string>>()
  const profiles = byPrecedence
    .filter(([name]) => wanted.has(name))
    .map(([, profile]) => ({ profile, metrics: metricsOf(profile, store, (rule) => twins.get(rule)!) }))
  const families = new Map<string, PageFamily>()
  const owned = new Set<string>()
  const leftOut: Part[] = []
  for (const { profile, metrics } of profiles) {
    const taken = new Set(families.keys())
    for (const { family, part } of [...(yield* profile.others(store)), ...metrics]) {
      yield
      if (part instanceof MetricPart) {
        const rule = part.spelling.resource
        if (!twins.has(rule)) twins.set(rule, yield* rule.twins(store.resources()))
        yield* part.lookAtAttributes()
      }
      if (taken.has(family.name) || part.isEmpty()) continue
      const names = namesOf(family)
      const known = families.get(family.name)
      if (known?.family.type === family.type)
        families.set(family.name, { family: known.family, parts: [...known.parts, part] })
      else if (names.some((each) => owned.has(each))) leftOut.push(part)
      else {
        families.set(family.name, { family, parts: [part] })
        for (const each of names) owned.add(each)
      }
    }
  }
  const sorted = [...families.values()].sort((a, b) => (a.family.name < b.family.name ? -1 : 1))
  return { families: sorted, leftOut }
}

interface Named {
  readonly family: Family
  readonly part: Part
}

function metricsOf(profile: Profile, store: StoreView, twins: Twins): readonly Named[] {
  const found: Named[] = []
  for (const table of store.tables()) {
    const spelling = profile.spell(table.head)
    if (spelling !== undefined) found.push({ family: spelling.family, part: new MetricPart(table, spelling, twins) })
  }
  return found
}

function heldStill(store: StoreView): StoreView {
  const [tables, resources, events] = [[...store.tables()], [...store.resources()], [...store.events()]]
  return { tables: () => tables, resources: () => resources, events: () => events }
}

/** About 600 lines, 0.1 ms. */
const kPieceChars = 65_536
/** Rows looked through in one piece: about 1 ms where each may have a twin. */
const kPieceRows = 1024

function* writeFamily({ family, parts }: PageFamily, format: Format): Generator<string, number, undefined> {
  // Who has no twin is written as he comes; of all others the newest one, at the place of the first.
  const anyMayHave = parts.length > 1 || parts.some(({ mixes }) => mixes)
  const mayHaveTwin = (part: Part, row: number): boolean => anyMayHave || part.mayHaveTwin(row)
  const newest = new Map<string, { readonly rest: string; readonly cameMs: number }>()
  let given = 0
  for (const part of parts)
    for (let row = 0; row < part.rows; row++) {
      if (row % kPieceRows === kPieceRows - 1) yield ''
      if (!mayHaveTwin(part, row)) continue
      const cameMs = part.cameMs(row)
      for (const [head, rest] of part.samples(row, format)) {
        const other = newest.get(head)
        if (other === undefined || other.cameMs <= cameMs) newest.set(head, { rest, cameMs })
        given++
      }
    }
  const duplicates = given - newest.size

  let text = familyHead(family, format)
  for (const part of parts)
    for (let row = 0; row < part.rows; row++) {
      if (text.length >= kPieceChars) {
        yield text
        text = ''
      }
      if (given === 0 || !mayHaveTwin(part, row)) {
        text += part.text(row, format)
        continue
      }
      for (const [head] of part.samples(row, format)) {
        const shown = newest.get(head)
        if (shown === undefined) continue
        text += head + shown.rest
        newest.delete(head)
      }
    }
  yield text
  return duplicates
}
