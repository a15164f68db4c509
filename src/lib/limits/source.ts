import type { Attributes } from '../../data/attributes.js'
import type { Resource } from '../../data/resource.js'

/** A longer name is a source of its own only in its first letters: a key must not be as large as whoever sends it likes. */
const kMaxKeyLength = 256

/**
 * Whose record it is: the value of the first of these attributes that it, or else its resource, has. Records that have none of them
 * share the empty name.
 */
export function sourceOf(names: readonly string[], attributes: Attributes, resource: Resource): string {
  for (const name of names) {
    const value = attributes[name] ?? resource.attributes[name]
    if (value === undefined) continue
    const key = typeof value === 'string' ? value : String(value)
    return key.length > kMaxKeyLength ? key.slice(0, kMaxKeyLength) : key
  }
  return ''
}
