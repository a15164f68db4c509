import type { UnitFilter } from '../../binding/signal-source.js'
import type { Attributes } from '../../data/attributes.js'
import { containerAttributesOfUnit, containerOfUnit } from '../../lib/containers/recognise.js'
import { compilePatterns } from '../../lib/matching/pattern.js'
import { withUnitType } from '../../lib/systemd/unit-types.js'
import { type Config, runtimes } from './config.js'
import { surroundingTypes } from './surroundings.js'

/** Which units are watched. */
export interface UnitSelection {
  /** What the bus thread can decide on the bytes of a signal. */
  readonly filter: UnitFilter
  /** All of it. */
  accepts(unit: string): boolean
  /** What a unit has to do with containers, as resource attributes; empty for ordinary units. */
  containerAttributes(unit: string): Attributes
}

/** Units cached with their answer: names come back with every signal, recognising takes several patterns. */
const kMaxCached = 16_384

export function selectUnits(config: Config): UnitSelection {
  const include = config.service_whitelist.map(withUnitType)
  const exclude = config.service_blacklist.map(withUnitType)
  const included = compilePatterns(include) ?? (() => true)
  const excluded = compilePatterns(exclude) ?? (() => false)
  const types = new Set<string>(config.unit_types)
  const containers = config.container_runtime_filter
  const mode = typeof containers === 'object' ? containers.mode : 'include'
  const wanted = new Set<string>(typeof containers === 'object' ? containers.runtimes : runtimes)

  const recognise = (unit: string): Attributes => {
    const identity = containers === false ? undefined : containerOfUnit(unit)
    return identity !== undefined && wanted.has(identity.runtime) ? containerAttributesOfUnit(unit) : none
  }
  const known = new Map<string, Attributes>()
  const containerAttributes = (unit: string): Attributes => {
    let attributes = known.get(unit)
    if (attributes === undefined) {
      if (known.size >= kMaxCached) known.clear()
      attributes = recognise(unit)
      known.set(unit, attributes)
    }
    return attributes
  }

  return {
    filter: {
      include,
      exclude,
      unitTypes: [...types],
      announcedTypes: config.track_dependencies ? surroundingTypes : [],
    },
    containerAttributes,
    accepts(unit) {
      if (!types.has(unit.slice(unit.lastIndexOf('.') + 1)) || excluded(unit) || !included(unit)) return false
      return mode === 'include' || (mode === 'only') === (containerAttributes(unit) !== none)
    },
  }
}

const none: Attributes = Object.freeze({})
