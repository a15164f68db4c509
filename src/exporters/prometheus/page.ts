import type { Family, Sample } from '../../lib/openmetrics/family.js'
import { flatMapped, type Pausable } from '../../util/pausable.js'
import { nodeExporterProfile, systemdExporterProfile } from './compat-profiles.js'
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

export interface Page {
  readonly families: readonly Family[]
  /** Samples left out because of another one of that name (and labels): one such pair fails the whole scrape. */
  readonly duplicates: number
}

/** Endings of the samples of a family; the family owns all these names, whether or not it has such samples now. */
const endings: Readonly<Record<Family['type'], readonly string[]>> = {
  gauge: [''],
  counter: ['', '_total'],
  histogram: ['', '_bucket', '_count', '_sum'],
  info: ['', '_info'],
}

/**
 * Gathers the families of the profiles wanted, each name and each series once.
 *
 * Two metrics of one profile that Prometheus spells alike (`a.b` and `a_b`) share the family when their types agree;
 * else the first one has the name. So it is with a gauge that is called like the samples of another (`h_count`).
 */
export function* assemblePage(store: StoreView, wanted: ReadonlySet<ProfileName>): Pausable<Page> {
  const families = new Map<string, Family>()
  const owned = new Set<string>()
  let given = 0
  for (const [name, profile] of byPrecedence) {
    if (!wanted.has(name)) continue
    const taken = new Set(families.keys())
    for (const family of yield* profile(store)) {
      if (taken.has(family.name)) continue
      given += family.samples.length
      const names = endings[family.type].map((ending) => family.name + ending)
      const known = families.get(family.name)
      if (known?.type === family.type)
        families.set(family.name, { ...known, samples: [...known.samples, ...family.samples] })
      else if (!names.some((each) => owned.has(each))) {
        families.set(family.name, family)
        for (const each of names) owned.add(each)
      }
    }
  }
  const page: Family[] = []
  for (const family of families.values()) page.push({ ...family, samples: yield* distinct(family.samples) })
  const shown = page.reduce((sum, { samples }) => sum + samples.length, 0)
  return { families: page.sort((a, b) => (a.name < b.name ? -1 : 1)), duplicates: given - shown }
}

function* distinct(samples: readonly Sample[]): Pausable<readonly Sample[]> {
  const byIdentity = new Map<string, Sample>()
  yield* flatMapped(samples, (sample) => {
    let id = sample.suffix
    for (const [name, value] of sample.labels) id += `\0${name}\u0001${value}`
    byIdentity.set(id, sample)
    return []
  })
  return byIdentity.size === samples.length ? samples : [...byIdentity.values()]
}
