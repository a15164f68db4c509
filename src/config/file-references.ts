import type { PathFormat, Schema } from '../component/schema.js'
import type { Sources } from './agent-config.js'
import { type Definition, sections } from './components.js'
import type { Definitions } from './pipelines.js'
import type { Path, Problems } from './problems.js'
import { eachValue, hiddenIn, redact } from './redact.js'
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
      problems.warn('CFG_ENVIRONMENT', scalar.position, [...path, ...below], redact(reason, hiddenIn(node, schema)))
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

interface NamedPath {
  readonly scalar: ScalarNode
  readonly format: PathFormat
  readonly below: Path
}

const formats: readonly string[] = [
  'existing_file',
  'secret_file',
  'certificate_file',
  'output_file',
  'state_folder',
] satisfies readonly PathFormat[]

function pathsIn(node: Node, schema: Schema): readonly NamedPath[] {
  const found: NamedPath[] = []
  eachValue(node, schema, (scalar, its, below) => {
    if ('format' in its && its.format !== undefined && formats.includes(its.format) && scalar.text !== '')
      found.push({ scalar, format: its.format as PathFormat, below })
  })
  return found
}
