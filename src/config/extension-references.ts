import { hint } from '../util/did-you-mean.js'
import type { Definition } from './components.js'
import { named } from './describe.js'
import { type Path, type Problems, printableKey } from './problems.js'
import { eachValue } from './redact.js'

/** The extensions of a file: those that are defined, and of these the ones that `service.extensions` lists. */
export interface KnownExtensions {
  readonly defined: readonly string[]
  readonly listed: ReadonlySet<string>
}

/** Components name extensions that work for them (`sending_queue.storage`): each must be there, and be started. */
export function checkExtensionReferences(
  definition: Definition,
  path: Path,
  { defined, listed }: KnownExtensions,
  problems: Problems,
): void {
  const { entry, factory } = definition
  if (factory === undefined) return
  eachValue(entry.node, factory.configSchema, (node, schema, below) => {
    const { text, position, substituted } = node
    if (!('format' in schema) || schema.format !== 'extension' || text === '' || listed.has(text)) return
    const name = named(node)
    const at = [...path, ...below]
    if (defined.includes(text)) {
      const reason = `the extension ${name} is not started: add it to service.extensions`
      problems.add('CFG_REFERENCE', position, at, reason)
      return
    }
    const meant = substituted === undefined ? hint(text, defined) : ''
    const there = defined.length === 0 ? 'there is none' : `there are ${defined.map(printableKey).join(', ')}`
    const remedy = meant === '' ? `; "extensions:" must define it, ${there}` : meant
    problems.add('CFG_REFERENCE', position, at, `there is no extension ${name}${remedy}`)
  })
}
