import { hint } from '../util/did-you-mean.js'
import { printable } from './problems.js'

/** A scalar cut into text and `${...}` references. */
export type Part = string | Reference

export type Reference = EnvReference | FileReference

interface ReferenceHead {
  /** As written, for finding it in the file. */
  readonly raw: string
  /** As messages show it: without the default, which is long at times. */
  readonly shown: string
}
export interface EnvReference extends ReferenceHead {
  readonly scheme: 'env'
  readonly name: string
  /** What stands after `:-`; absent when there is none. */
  readonly fallback?: readonly Part[]
}
export interface FileReference extends ReferenceHead {
  readonly scheme: 'file'
  readonly path: readonly Part[]
}

/** References within defaults within references: nobody needs three, and ten bound the recursion. */
const kMaxNesting = 10

/**
 * A mistake in a reference; `raw` is where it begins. Which key it belongs to is not known yet, and it may be no reference at
 * all but a password with a "${" in it: the message quotes nothing but what can only be the name of a variable.
 */
export class BadReference extends Error {
  override readonly name = 'BadReference'
  readonly raw: string
  readonly limit: boolean
  constructor(raw: string, reason: string, limit = false) {
    super(reason)
    this.raw = raw
    this.limit = limit
  }
}

/**
 * Cuts text at its references: `${env:NAME}`, `${env:NAME:-default}`, `${file:path}`; `$$` is a dollar, and a dollar
 * before anything else is itself. Defaults and paths may hold references.
 *
 * @throws {BadReference} when one is written wrong
 */
export function parseReferences(text: string): readonly Part[] {
  return new Scanner(text).parts(undefined, 0)
}

class Scanner {
  readonly #text: string
  #offset = 0

  constructor(text: string) {
    this.#text = text
  }

  /** Reads to the end, or to `until`, which it takes. */
  parts(until: '}' | undefined, depth: number, opened = 0): readonly Part[] {
    const parts: Part[] = []
    let literal = ''
    for (;;) {
      const char = this.#text[this.#offset]
      if (char === undefined) {
        if (until !== undefined)
          throw new BadReference(this.#text.slice(opened), 'a "}" is missing after "${"; write $$ for a dollar')
        break
      }
      if (char === until) {
        this.#offset++
        break
      }
      const next = this.#text[this.#offset + 1]
      if (char === '$' && next === '{') {
        if (literal !== '') parts.push(literal)
        literal = ''
        parts.push(this.#reference(depth + 1))
        continue
      }
      literal += char
      this.#offset += char === '$' && next === '$' ? 2 : 1
    }
    if (literal !== '' || parts.length === 0) parts.push(literal)
    return parts
  }

  #reference(depth: number): Reference {
    const start = this.#offset
    const from = (): string => this.#text.slice(start)
    if (depth > kMaxNesting) throw new BadReference(from(), `references are nested deeper than ${kMaxNesting}`, true)
    const head = /^\$\{([^:{}$]*)(:?)/.exec(from())!
    const scheme = head[1]!
    if (scheme !== 'env' && scheme !== 'file') throw new BadReference(from(), schemeReason(scheme, head[2] === ':'))
    if (head[2] !== ':') throw new BadReference(from(), `write $\{${scheme}:...}`)
    this.#offset = start + head[0].length
    return scheme === 'env' ? this.#env(start, depth) : this.#file(start, depth)
  }

  #env(start: number, depth: number): EnvReference {
    const name = /^[^:{}$]*/.exec(this.#text.slice(this.#offset))![0]
    this.#offset += name.length
    const from = this.#text.slice(start)
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      throw new BadReference(from, `no name of a variable stands after "env:": ${kForms}`)
    const shown = `$\{env:${printable(name, 128)}}`
    const rest = this.#text.slice(this.#offset, this.#offset + 2)
    if (rest === ':-') {
      this.#offset += 2
      const fallback = this.parts('}', depth, start)
      return { scheme: 'env', raw: this.#text.slice(start, this.#offset), shown, name, fallback }
    }
    if (rest === '') throw new BadReference(from, 'a "}" is missing after "${"; write $$ for a dollar')
    if (!rest.startsWith('}')) throw new BadReference(from, `write ${shown} or $\{env:${name}:-default}`)
    this.#offset++
    return { scheme: 'env', raw: this.#text.slice(start, this.#offset), shown, name }
  }

  #file(start: number, depth: number): FileReference {
    const path = this.parts('}', depth, start)
    const raw = this.#text.slice(start, this.#offset)
    if (path.length === 1 && path[0] === '') throw new BadReference(raw, 'a path is missing: ${file:path}')
    return { scheme: 'file', raw, shown: printable(raw, 128), path }
  }
}

const kForms = 'write ${env:NAME} or ${file:path}, and $$ for a dollar'

function schemeReason(scheme: string, hasColon: boolean): string {
  // In capitals, as variables are named and passwords are not.
  if (!hasColon && /^[A-Z_][A-Z0-9_]*$/.test(scheme))
    return `write $\{env:${printable(scheme)}}; a bare name is not a reference`
  return `is not a reference: ${kForms}${hint(scheme, ['env', 'file'])}`
}
