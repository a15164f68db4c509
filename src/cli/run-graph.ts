import { getuid } from 'node:process'
import type { ListedUnit } from '../data/unit-snapshot.js'
import { ExitCode } from '../errors.js'
import { UnitGraph } from '../lib/dependencies/unit-graph.js'
import { busAddress, parseBusAddress } from '../lib/systemd/bus.js'
import { readDependencies } from '../lib/systemd/configuration-reader.js'
import { CallError, type ControlPlane, connectControlPlane } from '../lib/systemd/control-plane.js'
import { getUnit, readEach, text, typeSuffix } from '../lib/systemd/unit-calls.js'
import { didYouMean } from '../util/did-you-mean.js'
import { FailureError, type Invocation, UsageError } from './command.js'
import { dotOf, jsonOf, mermaidOf } from './graph-diagrams.js'
import { type GraphQuery, readQuery } from './graph-query.js'
import { textOf } from './graph-text.js'
import { type GraphView, viewOf, type Way, waysOf } from './graph-view.js'
import type { Output } from './terminal.js'

type Scope = Parameters<typeof busAddress>[0]

/** Prints the graph and ends. `connect` is replaced in tests. */
export async function runGraph(
  invocation: Invocation,
  connect: (address: string) => Promise<ControlPlane> = connectControlPlane,
): Promise<number> {
  const { values, env, terminal } = invocation
  const query = readQuery(invocation)
  const scope = values['user'] === true ? 'user' : 'system'
  const given = values['address'] as string | undefined
  const servers = given === undefined ? [] : parseBusAddress(given)
  if ('reason' in servers) throw new UsageError(`option --address: ${servers.reason}`)
  const address = given ?? busAddress(scope, env, getuid?.() ?? 0)
  const view = await readView(query, scope, address, connect)
  terminal.out.write(render(view, terminal.out))
  return ExitCode.ok
}

async function readView(
  query: GraphQuery,
  scope: Scope,
  address: string,
  connect: (address: string) => Promise<ControlPlane>,
): Promise<GraphView> {
  let plane: ControlPlane | undefined
  try {
    plane = await connect(address)
    const states = new Map((await plane.listUnits()).map((unit) => [unit.name, unit]))
    if (query.unit !== undefined) {
      await learn(plane, [query.unit], states)
      checkUnit(query.unit, states)
    }
    return viewOf(query, await readGraph(plane, query, states), states)
  } catch (error) {
    if (!(error instanceof CallError)) throw error
    throw new FailureError(`cannot ask systemd at ${address}: ${error.message}\n${help(error, scope)}`)
  } finally {
    plane?.close()
  }
}

function help({ message }: CallError, scope: Scope): string {
  if (/EACCES|AccessDenied/.test(message)) return 'You may not use this bus: try it as root.'
  if (scope === 'user')
    return 'Does a systemd of this user run (systemctl --user status)? Without --user the system is asked.'
  return 'Is the bus running (systemctl status dbus)? --address names another one, e.g. unix:path=/host/run/dbus/system_bus_socket.'
}

function checkUnit(unit: string, states: ReadonlyMap<string, ListedUnit>): void {
  const known = states.get(unit)
  if (known !== undefined && known.loadState !== 'not-found') return
  const loaded = [...states.values()].filter(({ loadState }) => loadState !== 'not-found').map(({ name }) => name)
  const meant = nearName(unit, loaded)
  const remedy =
    meant === undefined ? '; `systemctl list-unit-files` shows those that have a file' : `: did you mean "${meant}"?`
  throw new FailureError(`systemd has no unit "${unit}"${remedy}`)
}

/** Without their types, behind which all names are alike; one letter in five, for short names differ by few. */
function nearName(unit: string, names: readonly string[]): string | undefined {
  const suffix = `.${typeSuffix(unit)}`
  const bare = names.flatMap((name) => (name.endsWith(suffix) ? [name.slice(0, -suffix.length)] : []))
  const word = unit.slice(0, -suffix.length)
  const meant = didYouMean(word, bare, Math.max(Math.floor(word.length / 5), word.length > 2 ? 1 : 0))
  return meant === undefined ? undefined : `${meant}${suffix}`
}

/**
 * The states of units that nothing loaded refers to: systemd loads one when it is asked about it, as by `systemctl show`, and
 * forgets it again. Those without a file are `not-found` then; a template alone is no unit.
 */
async function learn(plane: ControlPlane, names: readonly string[], states: Map<string, ListedUnit>): Promise<void> {
  const unknown = names.filter((name) => !states.has(name) && !/@\.[a-z]+$/.test(name))
  const properties = ['LoadState', 'ActiveState', 'SubState'] as const
  const found = await readEach(unknown, properties.length, async (name) => {
    const { LoadState, ActiveState, SubState } = await getUnit(plane, name, properties)
    return { name, loadState: text(LoadState), activeState: text(ActiveState), subState: text(SubState), jobId: 0 }
  })
  for (const unit of found) states.set(unit.name, unit)
}

/** Reads what the answer needs: all loaded units, or those on the way from one of them. */
async function readGraph(plane: ControlPlane, query: GraphQuery, states: Map<string, ListedUnit>): Promise<UnitGraph> {
  const graph = new UnitGraph()
  const read = async (names: readonly string[], ends: Way['ends']): Promise<void> => {
    const wanted = names.filter((name) => states.get(name)?.loadState === 'loaded')
    for (const { name, dependencies } of await readDependencies(plane, wanted, ends))
      graph.update(name, dependencies, ends)
  }
  if (query.unit === undefined) {
    // What each one needs is all there is.
    await read([...states.keys()], 'needs')
    return graph
  }
  for (const way of waysOf(query)) {
    const seen = new Set([query.unit])
    let level = [query.unit]
    for (let distance = 0; distance < query.depth && level.length > 0; distance++) {
      await read(level, way.ends)
      const ends = level.flatMap((unit) => way.edges(graph, unit, query.kinds).map((edge) => way.end(edge)))
      level = [...new Set(ends)].filter((unit) => !seen.has(unit))
      for (const unit of level) seen.add(unit)
      // All are known, but for those of a unit that was not loaded itself.
      await learn(plane, level, states)
    }
  }
  return graph
}

function render(view: GraphView, output: Output): string {
  switch (view.query.format) {
    case 'text':
      return textOf(view, output)
    case 'dot':
      return dotOf(view)
    case 'mermaid':
      return mermaidOf(view)
    case 'json':
      return jsonOf(view)
  }
}
