import { packageVersion } from '../../util/package.js'

/** The instrumentation scope of everything this agent makes. */
export interface Scope {
  readonly name: string
  readonly version: string
}

let known: Scope | undefined

/** The version is the package's own. */
export function agentScope(): Scope {
  known ??= Object.freeze({ name: 'unitscope', version: packageVersion() })
  return known
}
