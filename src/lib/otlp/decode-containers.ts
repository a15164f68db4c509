import type { Resource } from '../../data/resource.js'
import { readRest, type Source } from './decode-common.js'
import { type MessageName, messages, Wire } from './messages.js'
import type { ContainerHead, Origins } from './origins.js'

/** A request's outermost message: a list of resources, each with scopes, each with records. */
export type Container = 'LogsRequest' | 'MetricsRequest' | 'TracesRequest'

const levels: Readonly<Record<Container, readonly [MessageName, MessageName]>> = {
  LogsRequest: ['ResourceLogs', 'ScopeLogs'],
  MetricsRequest: ['ResourceMetrics', 'ScopeMetrics'],
  TracesRequest: ['ResourceSpans', 'ScopeSpans'],
}

const kOne = 8 + Wire.length
const kTwo = 16 + Wire.length

/** Calls `each` at the beginning of each record, with its end and the resource it is of. */
export function readContainers(
  source: Source,
  end: number,
  root: Container,
  origins: Origins,
  each: (end: number, resource: Resource) => void,
): void {
  const { cursor, omitted } = source
  const [outer, inner] = levels[root]
  while (cursor.at < end) {
    const tag = cursor.tag(end)
    if (tag !== kOne) {
      omitted.unknown++
      cursor.skip(tag & 7, end)
      continue
    }
    const to = cursor.length(end)
    const resource = readHead(source, to, outer)
    readBodies(source, to, (scopeEnd) => {
      const scope = readHead(source, scopeEnd, inner)
      const of = origins.resource(source, resource, scope)
      readBodies(source, scopeEnd, (recordEnd) => each(recordEnd, of))
    })
  }
}

function readHead(source: Source, end: number, message: MessageName): ContainerHead {
  const { cursor } = source
  const begin = cursor.at
  let head = { from: 0, to: 0 }
  let rest = ''
  while (cursor.at < end) {
    const from = cursor.at
    const tag = cursor.tag(end)
    if (tag === kOne) {
      const to = cursor.length(end)
      head = { from: cursor.at, to }
      cursor.at = to
    } else if (tag === kTwo) cursor.skip(Wire.length, end)
    else rest += readRest(source, messages[message], tag, from, end)
  }
  cursor.at = begin
  return { ...head, rest }
}

function readBodies({ cursor }: Source, end: number, each: (end: number) => void): void {
  while (cursor.at < end) {
    const tag = cursor.tag(end)
    if (tag !== kTwo) cursor.skip(tag & 7, end)
    else {
      const to = cursor.length(end)
      each(to)
      cursor.at = to
    }
  }
}
