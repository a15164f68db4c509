import type { Family, Sample } from '../../lib/openmetrics/family.js'
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

/** Gathers the families of the profiles wanted, each name and each series once. */
export function assemblePage(store: StoreView, wanted: ReadonlySet<ProfileName>): Page {
  const families = new Map<string, Family>()
  let duplicates = 0
  for (const [name, profile] of byPrecedence) {
    if (!wanted.has(name)) continue
    const taken = new Set(families.keys())
    for (const family of profile(store)) {
      if (taken.has(family.name)) continue
      // Two metrics of one profile that Prometheus spells alike (`a.b` and `a_b`): the first one has the name.
      const first = !families.has(family.name)
      const samples = first ? distinct(family.samples) : []
      duplicates += family.samples.length - samples.length
      if (first) families.set(family.name, { ...family, samples })
    }
  }
  return { families: [...families.values()].sort((a, b) => (a.name < b.name ? -1 : 1)), duplicates }
}

function distinct(samples: readonly Sample[]): readonly Sample[] {
  const byIdentity = new Map<string, Sample>()
  for (const sample of samples) {
    let id = sample.suffix
    for (const [name, value] of sample.labels) id += `\0${name}\u0001${value}`
    byIdentity.set(id, sample)
  }
  return byIdentity.size === samples.length ? samples : [...byIdentity.values()]
}
