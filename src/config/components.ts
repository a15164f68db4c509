import type { Factory, Registration } from '../component/component.js'
import { type ComponentId, type Kind, parseComponentId } from '../component/id.js'
import { didYouMean, hint } from '../util/did-you-mean.js'
import type { ComponentConfig } from './agent-config.js'
import { shown } from './describe.js'
import { butIs, explain } from './explain.js'
import { isWildcard } from './formats.js'
import { finish, plainOf } from './plain.js'
import { type Path, type Problems, printable } from './problems.js'
import { eachValue, hiddenIn, isSecret, redact } from './redact.js'
import { type Entry, hasFailed, locate, type Node } from './tree.js'
import { violations } from './violations.js'

/** A section of the file and the kind of component it defines. */
export const sections = {
  receivers: 'receiver',
  processors: 'processor',
  exporters: 'exporter',
  extensions: 'extension',
} as const
export type Section = keyof typeof sections

/** A component as the file names it, also when its configuration is wrong: references to it are still good. */
export interface Definition {
  readonly entry: Entry
  readonly id: ComponentId
  readonly factory: Factory | undefined
  readonly component: ComponentConfig | undefined
}

/** What a file defines, by id. */
export type Definitions = Readonly<Record<Section, ReadonlyMap<string, Definition>>>

/** Reads one section: every id, type and configuration in it. */
export async function readSection(
  section: Section,
  node: Node | undefined,
  registrations: readonly Registration[],
  problems: Problems,
): Promise<ReadonlyMap<string, Definition>> {
  const definitions = new Map<string, Definition>()
  if (node === undefined || (node.kind === 'scalar' && node.value === null)) return definitions
  if (node.kind !== 'map') {
    problems.add('CFG_TYPE', node.position, [section], `expected a map of components, got ${shown(node)}`)
    return definitions
  }
  const kind = sections[section]
  const known = registrations.filter((registration) => registration.kind === kind)
  for (const [key, entry] of node.entries) {
    const path = [section, key]
    const id = parseComponentId(kind, key)
    if (id === undefined) {
      const meant = meantId(kind, key, known)
      const reason = 'is not a component id; write a type in lower case, or type/name, such as otlp/backup'
      problems.add(
        'CFG_VALUE',
        entry.keyPosition,
        path,
        `${reason}${meant === undefined ? '' : `: did you mean "${meant.id}"?`}`,
      )
      // Said once: who names it, rightly or as it stands here, is not told that it is missing.
      if (meant !== undefined) definitions.set(key, { entry, id: meant, factory: undefined, component: undefined })
      continue
    }
    const registration = known.find((candidate) => candidate.type === id.type)
    if (registration === undefined)
      problems.add('CFG_REFERENCE', entry.keyPosition, path, unknownType(id, known, registrations))
    const factory = registration === undefined ? undefined : await load(registration, entry, path, problems)
    const component = factory === undefined ? undefined : readComponent(id, factory, entry, path, problems)
    definitions.set(key, { entry, id, factory, component })
  }
  return definitions
}

/** `memory_leak/web` of `memory-leak/web`. */
function meantId(kind: Kind, key: string, known: readonly Registration[]): ComponentId | undefined {
  const [word = '', ...name] = key.split('/')
  const type = didYouMean(
    word,
    known.map((registration) => registration.type),
  )
  return type === undefined ? undefined : parseComponentId(kind, [type, ...name].join('/'))
}

function unknownType(id: ComponentId, known: readonly Registration[], all: readonly Registration[]): string {
  const elsewhere = all.find((registration) => registration.type === id.type)
  const word = printable(id.type)
  if (elsewhere !== undefined)
    return `"${word}" is ${withArticle(elsewhere.kind)}, not ${withArticle(id.kind)}; move it to "${elsewhere.kind}s:"`
  const types = known.map((registration) => registration.type)
  const meant = hint(id.type, types)
  const list = types.length === 0 ? 'there are none' : `the types are ${types.join(', ')}`
  return `"${word}" is not a type of ${id.kind}${meant === '' ? `; ${list}` : meant}`
}

function withArticle(kind: Kind): string {
  return kind.startsWith('e') ? `an ${kind}` : `a ${kind}`
}

async function load(
  registration: Registration,
  entry: Entry,
  path: Path,
  problems: Problems,
): Promise<Factory | undefined> {
  try {
    return await registration.load()
  } catch (error) {
    const why = error instanceof Error ? printable(error.message, 200) : 'unknown reason'
    problems.add('CFG_REFERENCE', entry.keyPosition, path, `this component cannot be loaded: ${why}`)
    return undefined
  }
}

function readComponent(
  id: ComponentId,
  factory: Factory,
  entry: Entry,
  path: Path,
  problems: Problems,
): ComponentConfig | undefined {
  const { node } = entry
  const schema = factory.configSchema
  const plain = plainOf(node, schema)
  const found = violations(schema, plain)
  explain(found, entry, path, problems)
  advise(node, factory, path, problems)
  if (found.length > 0 || hasFailed(node)) return undefined
  const config = finish(plain, schema)
  // `check` takes its component's own config type (see Factory); this value was validated against that schema.
  for (const complaint of factory.check?.(config as never) ?? []) {
    const { node: value, position } = locate(entry, complaint.path)
    const at = [...path, ...complaint.path]
    const hidden = hiddenIn(node, schema)
    const isHidden = value.kind !== 'scalar' || hidden.has(value.text)
    const reason = withValue(redact(complaint.reason, hidden), butIs(value, isHidden))
    problems.add('CFG_VALUE', position, at, reason)
  }
  return Object.freeze({ id, factory, config })
}

/** `must be at least 1h, is 5m: why`: components say what they want, and need not repeat what they got. */
function withValue(reason: string, value: string): string {
  return reason.replace(/^must .*?(?=: |; |$)/, (wanted) => `${wanted}${value}`)
}

/** Headers that say who or what sends, and prove nothing: the tenant of Loki, Mimir and Tempo, what software it is. */
const publicHeaders: ReadonlySet<string> = new Set(['x-scope-orgid', 'user-agent', 'content-type', 'accept'])

function isPublic(below: Path): boolean {
  const name = below.at(-1)
  return below.at(-2) === 'headers' && typeof name === 'string' && publicHeaders.has(name.toLowerCase())
}

/** What is allowed but unwise in a value. */
function advise(node: Node, factory: Factory, path: Path, problems: Problems): void {
  eachValue(node, factory.configSchema, (scalar, schema, below) => {
    if (isSecret(schema) && scalar.substituted === undefined && scalar.text !== '' && !isPublic(below)) {
      const reason = 'a secret stands in the file itself; use ${env:NAME} or ${file:path}'
      problems.warn('CFG_INLINE_SECRET', scalar.position, [...path, ...below], reason)
    }
    if ('format' in schema && schema.format === 'endpoint' && isWildcard(scalar.text)) {
      const reason = 'means every network this machine is on; prefer 127.0.0.1 or one address'
      problems.warn('CFG_EXPOSED', scalar.position, [...path, ...below], reason)
    }
  })
}
