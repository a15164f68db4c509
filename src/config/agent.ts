import type { Registration } from '../component/component.js'
import type { AgentConfig, ComponentConfig, Sources } from './agent-config.js'
import { type Definition, readSection, type Section } from './components.js'
import { shown } from './describe.js'
import { explain, unknownKey } from './explain.js'
import { checkFileReferences } from './file-references.js'
import { checkMaintenance } from './maintenance.js'
import { PipelineChecker } from './pipelines.js'
import { finish, plainOf } from './plain.js'
import type { Problems } from './problems.js'
import { type ServiceConfig, serviceSchema } from './service-schema.js'
import type { MapNode, Node } from './tree.js'
import { violations } from './violations.js'

const topKeys = ['receivers', 'processors', 'exporters', 'extensions', 'service']

/** Checks a whole tree against the components there are; undefined, or incomplete, when there are problems. */
export async function readAgent(
  root: Node,
  registrations: readonly Registration[],
  sources: Sources,
  problems: Problems,
): Promise<AgentConfig | undefined> {
  if (root.kind === 'scalar' && root.value === null) {
    const reason = 'the file is empty; it needs receivers, exporters, and a service with a pipeline that joins them'
    problems.add('CFG_VALUE', { ...root.position, line: 1, column: 1 }, [], reason)
    return undefined
  }
  if (root.kind !== 'map') {
    // Not what it says: who names the wrong file may have named a token.
    const reason = `a configuration is a map of ${topKeys.join(', ')}; this is ${shown(root, true)}`
    problems.add('CFG_TYPE', root.position, [], reason)
    return undefined
  }
  for (const [key, entry] of root.entries)
    if (!topKeys.includes(key)) problems.add('CFG_UNKNOWN_KEY', entry.keyPosition, [key], unknownKey(key, topKeys))

  const read = (section: Section) => readSection(section, root.entries.get(section)?.node, registrations, problems)
  const definitions = {
    receivers: await read('receivers'),
    processors: await read('processors'),
    exporters: await read('exporters'),
    extensions: await read('extensions'),
  }
  const service = readService(root, problems)
  const checker = new PipelineChecker(root, definitions, registrations, problems)
  const pipelines = checker.check()
  if (service === undefined || problems.any) return undefined
  await checkFileReferences(root, definitions, checker.used, sources, problems)
  return Object.freeze({
    receivers: complete(definitions.receivers),
    processors: complete(definitions.processors),
    exporters: complete(definitions.exporters),
    extensions: complete(definitions.extensions),
    pipelines,
    extensionIds: service.extensions,
    telemetry: service.telemetry,
    ...(service.state_directory === undefined ? {} : { stateDirectory: service.state_directory }),
    ...(service.status_socket === undefined ? {} : { statusSocket: service.status_socket }),
    maintenance: service.maintenance,
    warnings: problems.warnings,
  })
}

function readService(root: MapNode, problems: Problems): ServiceConfig | undefined {
  const entry = root.entries.get('service')
  if (entry === undefined) return undefined
  const plain = plainOf(entry.node, serviceSchema)
  const found = violations(serviceSchema, plain)
  explain(found, entry, ['service'], problems)
  if (found.length > 0) return undefined
  // The schema is the type: see ConfigOf.
  const service = finish(plain, serviceSchema) as ServiceConfig
  checkMaintenance(service.maintenance, entry, problems)
  return service
}

function complete(definitions: ReadonlyMap<string, Definition>): ReadonlyMap<string, ComponentConfig> {
  const components = new Map<string, ComponentConfig>()
  for (const [id, { component }] of definitions) if (component !== undefined) components.set(id, component)
  return components
}
