import type { SourcePosition } from '../errors.js'
import { hint } from '../util/did-you-mean.js'
import type { Sources } from './agent-config.js'
import { readPlainScalar } from './plain-scalar.js'
import type { Path, Problems } from './problems.js'
import {
  BadReference,
  type EnvReference,
  type FileReference,
  type Part,
  parseReferences,
  type Reference,
} from './reference.js'
import type { SourceText } from './source-text.js'
import type { Entry, Node, ScalarNode, Substituted } from './tree.js'

/** In a whole file, nested ones counted: each may read a file. */
const kMaxReferences = 100
/** A token, a certificate; not a data file. */
const kMaxFileBytes = 64 * 1024

/**
 * Replaces `${env:...}` and `${file:...}` in all values of a tree. What a reference brings is never searched for further
 * references (docs/decisions/0030) and never appears in a problem.
 */
export async function substitute(root: Node, source: SourceText, sources: Sources, problems: Problems): Promise<Node> {
  return new Substitution(source, sources, problems).node(root, [])
}

class Substitution {
  readonly #source: SourceText
  readonly #sources: Sources
  readonly #problems: Problems
  /** Shared nodes stay shared. */
  readonly #done = new Map<Node, Node>()
  #references = 0

  constructor(source: SourceText, sources: Sources, problems: Problems) {
    this.#source = source
    this.#sources = sources
    this.#problems = problems
  }

  async node(node: Node, path: Path): Promise<Node> {
    const known = this.#done.get(node)
    if (known !== undefined) return known
    const result = node.kind === 'scalar' ? await this.#scalar(node, path) : await this.#collection(node, path)
    this.#done.set(node, result)
    return result
  }

  async #collection(node: Exclude<Node, ScalarNode>, path: Path): Promise<Node> {
    if (node.kind === 'list') {
      const items: Node[] = []
      for (const [index, item] of node.items.entries()) items.push(await this.node(item, [...path, index]))
      return { ...node, items }
    }
    const entries = new Map<string, Entry>()
    for (const [key, entry] of node.entries)
      entries.set(key, { ...entry, node: await this.node(entry.node, [...path, key]) })
    return { ...node, entries }
  }

  async #scalar(node: ScalarNode, path: Path): Promise<ScalarNode> {
    if (typeof node.value !== 'string' || !node.value.includes('$')) return node
    let parts: readonly Part[]
    try {
      parts = parseReferences(node.value)
    } catch (error) {
      if (!(error instanceof BadReference)) throw error
      this.#complain(node, path, error.raw, error.message, error.limit)
      return failed(node, [])
    }
    const names: string[] = []
    const values: string[] = []
    let text = ''
    for (const part of parts) {
      if (typeof part === 'string') {
        text += part
        continue
      }
      names.push(part.shown)
      const value = await this.#resolve(part, node, path)
      if (value === undefined) return failed(node, names)
      values.push(value)
      text += value
    }
    if (names.length === 0) return { ...node, value: text, text }
    const whole = parts.length === 1 && !node.quoted
    const value = whole ? readPlainScalar(text) : text
    return { ...node, value, text, substituted: { names, values, failed: false } }
  }

  /** The value, or undefined after a complaint. */
  async #resolve(reference: Reference, node: ScalarNode, path: Path): Promise<string | undefined> {
    if (++this.#references > kMaxReferences) {
      if (this.#references === kMaxReferences + 1)
        this.#complain(node, path, reference.raw, `more than ${kMaxReferences} references in one file`, true)
      return undefined
    }
    return reference.scheme === 'env' ? this.#env(reference, node, path) : this.#file(reference, node, path)
  }

  async #env(reference: EnvReference, node: ScalarNode, path: Path): Promise<string | undefined> {
    const { name, fallback } = reference
    const value = Object.hasOwn(this.#sources.env, name) ? this.#sources.env[name] : undefined
    if (fallback !== undefined && (value === undefined || value === '')) return this.#join(fallback, node, path)
    if (value !== undefined) return value
    const meant = hint(name, Object.keys(this.#sources.env))
    const remedy = meant === '' ? `; set it, or give a default: $\{env:${name}:-default}` : meant
    this.#complain(node, path, reference.raw, `the environment variable ${name} is not set${remedy}`)
    return undefined
  }

  async #file(reference: FileReference, node: ScalarNode, path: Path): Promise<string | undefined> {
    const file = await this.#join(reference.path, node, path)
    if (file === undefined) return undefined
    const complain = (reason: string): undefined =>
      this.#complain(node, path, reference.raw, `${reference.shown} ${reason}`)
    let bytes: Uint8Array
    let mode: number
    try {
      ;({ bytes, mode } = await this.#sources.readFile(file, kMaxFileBytes))
    } catch (error) {
      return complain(error instanceof Error ? error.message : 'cannot be read')
    }
    if (bytes.length > kMaxFileBytes) return complain(`is larger than ${kMaxFileBytes / 1024} KiB`)
    let text: string
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    } catch {
      return complain('is not UTF-8 text')
    }
    text = text.replace(/\r?\n$/, '')
    if (text === '') return complain('is empty')
    if ((mode & 0o004) !== 0) {
      const reason = `${reference.shown} can be read by every user of this machine; chmod o-r if it holds a secret`
      this.#problems.warn('CFG_FILE_MODE', this.#find(node, reference.raw), path, reason)
    }
    return text
  }

  async #join(parts: readonly Part[], node: ScalarNode, path: Path): Promise<string | undefined> {
    let text = ''
    for (const part of parts) {
      const value = typeof part === 'string' ? part : await this.#resolve(part, node, path)
      if (value === undefined) return undefined
      text += value
    }
    return text
  }

  #complain(node: ScalarNode, path: Path, raw: string, reason: string, limit = false): undefined {
    this.#problems.add(limit ? 'CFG_LIMIT' : 'CFG_SUBSTITUTION', this.#find(node, raw), path, reason)
  }

  /** The reference inside its scalar; the scalar itself where escapes make the two texts differ. */
  #find(node: ScalarNode, raw: string): SourcePosition {
    const offset = this.#source.text.slice(node.range[0], node.range[1]).indexOf(raw)
    return offset < 0 ? node.position : this.#source.at(node.range[0] + offset)
  }
}

function failed(node: ScalarNode, names: readonly string[]): ScalarNode {
  const substituted: Substituted = { names, values: [], failed: true }
  return { ...node, value: null, substituted }
}
