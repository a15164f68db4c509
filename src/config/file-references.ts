import { dirname } from 'node:path'
import type { PathFormat, Schema } from '../component/schema.js'
import type { Sources } from './agent-config.js'
import type { Definitions } from './components.js'
import { type Definition, sections } from './components.js'
import type { Path, Problems } from './problems.js'
import { eachValue, type Hidden, hiddenIn, redact } from './redact.js'
import { serviceSchema } from './service-schema.js'
import type { MapNode, Node, ScalarNode } from './tree.js'

/** Warns of what is named and would not do, here and now; it may be otherwise where, or when, the agent runs. */
export async function checkFileReferences(
  root: MapNode,
  definitions: Definitions,
  used: ReadonlySet<Definition>,
  sources: Sources,
  problems: Problems,
): Promise<void> {
  const check = async (node: Node, schema: Schema, path: Path): Promise<void> => {
    for (const { scalar, format, below } of pathsIn(node, schema)) {
      const reason = await sources.look?.(scalar.text, format)
      if (reason === undefined) continue
      problems.warn(
        'CFG_ENVIRONMENT',
        scalar.position,
        [...path, ...below],
        tellable(reason, scalar, hiddenIn(node, schema)),
      )
    }
  }
  // What nobody uses is not started.
  for (const section of Object.keys(sections) as (keyof typeof sections)[])
    for (const [id, definition] of definitions[section])
      if (definition.factory !== undefined && used.has(definition))
        await check(definition.entry.node, definition.factory.configSchema, [section, id])
  const service = root.entries.get('service')
  if (service !== undefined) await check(service.node, serviceSchema, ['service'])
}

/** A path that a reference brought is called by that. */
function tellable(reason: string, { text, substituted }: ScalarNode, hidden: Hidden): string {
  if (substituted === undefined) return redact(reason, hidden)
  const name = substituted.names.join(' and ')
  const folder = dirname(text)
  const named = reason.replaceAll(text, name)
  if (folder.length < 2) return named
  return named.replaceAll(`folder ${folder}`, `folder of ${name}`).replaceAll(folder, `the folder of ${name}`)
}

interface NamedPath {
  readonly scalar: ScalarNode
  readonly format: PathFormat
  readonly below: Path
}

const formats: readonly string[] = [
  'existing_file',
  'secret_file',
  'key_file',
  'certificate_file',
  'output_file',
  'state_folder',
  'private_folder',
] satisfies readonly PathFormat[]

function pathsIn(node: Node, schema: Schema): readonly NamedPath[] {
  const found: NamedPath[] = []
  eachValue(node, schema, (scalar, its, below) => {
    if ('format' in its && its.format !== undefined && formats.includes(its.format) && scalar.text !== '')
      found.push({ scalar, format: its.format as PathFormat, below })
  })
  return found
}
