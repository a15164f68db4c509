import { readFileSync } from 'node:fs'

/** The instrumentation scope of everything this agent makes. */
export interface Scope {
  readonly name: string
  readonly version: string
}

let known: Scope | undefined

/** The version is the package's own, read once. */
export function agentScope(): Scope {
  if (known === undefined) {
    const manifest: unknown = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
    const version =
      typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : ''
    known = Object.freeze({ name: 'unitscope', version })
  }
  return known
}
