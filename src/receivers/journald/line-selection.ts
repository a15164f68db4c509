import { compilePatterns } from '../../lib/matching/pattern.js'
import { withUnitType } from '../../lib/systemd/unit-types.js'
import type { Config } from './config.js'

/** Units cached with their answer: each has many lines, and matching takes several patterns. */
const kMaxCached = 16_384

/** Decides on a line by its unit and by how it came into the journal (_TRANSPORT). */
export function selectLines(config: Config): (unit: string | undefined, transport: string | undefined) => boolean {
  const included = compilePatterns(config.units.map(withUnitType))
  const excluded = compilePatterns(config.exclude_units.map(withUnitType)) ?? (() => false)
  const known = new Map<string, boolean>()
  const accepts = (unit: string): boolean => {
    let answer = known.get(unit)
    if (answer === undefined) {
      if (known.size >= kMaxCached) known.clear()
      answer = !excluded(unit) && (included?.(unit) ?? true)
      known.set(unit, answer)
    }
    return answer
  }
  return (unit, transport) => {
    if (transport === 'kernel') return config.kernel
    return unit === undefined ? included === undefined : accepts(unit)
  }
}
