import { allKinds, type EdgeKinds, edgeKinds, kindsOf } from '../lib/dependencies/edge-kinds.js'
import { withUnitType } from '../lib/systemd/unit-types.js'
import { hint } from '../util/did-you-mean.js'
import { type Invocation, UsageError } from './command.js'

export const directions = ['needs', 'needed-by', 'both'] as const
export type Direction = (typeof directions)[number]

export const formats = ['text', 'dot', 'mermaid', 'json'] as const
export type Format = (typeof formats)[number]

/** What a person asked `unitscope graph` for. */
export interface GraphQuery {
  /** Without one: the whole graph. */
  readonly unit: string | undefined
  readonly direction: Direction
  readonly depth: number
  readonly kinds: EdgeKinds
  readonly format: Format
}

const kDefaultDepth = 3
/** Deeper than any chain of units; a typing error is told before systemd is asked. */
const kMaxDepth = 64
/** Ordering, conflicts (with shutdown.target, of every unit) and the slice are many, and seldom meant. */
const usualKinds = allKinds & ~kindsOf('After', 'Conflicts', 'Slice')

/** @throws {UsageError} for what cannot be asked */
export function readQuery({ values, operands }: Pick<Invocation, 'values' | 'operands'>): GraphQuery {
  const unit = operands[0] === undefined ? undefined : withUnitType(operands[0])
  for (const name of ['depth', 'direction', 'reverse'])
    if (unit === undefined && values[name] !== undefined)
      throw new UsageError(`option --${name} needs a UNIT: the whole graph has no beginning`)
  if (values['reverse'] === true && values['direction'] !== undefined)
    throw new UsageError('option --reverse: --direction says already which way')
  return {
    unit,
    direction: values['reverse'] === true ? 'needed-by' : oneOf('direction', values['direction'], directions, 'needs'),
    depth: depthOf(values['depth']),
    kinds: kindsFrom(values['kinds']),
    format: oneOf('format', values['format'], formats, 'text'),
  }
}

type Value = Invocation['values'][string]

function oneOf<T extends string>(name: string, value: Value, known: readonly T[], otherwise: T): T {
  if (value === undefined) return otherwise
  const found = known.find((one) => one === value)
  if (found !== undefined) return found
  throw new UsageError(
    `option --${name}: no ${name} "${value}"${hint(String(value), known) || `: ${known.join(', ')}`}`,
  )
}

function depthOf(value: Value): number {
  if (value === undefined) return kDefaultDepth
  const depth = /^\d+$/.test(String(value)) ? Number(value) : 0
  if (depth < 1 || depth > kMaxDepth) throw new UsageError(`option --depth: must be a number from 1 to ${kMaxDepth}`)
  return depth
}

function kindsFrom(value: Value): EdgeKinds {
  if (value === undefined) return usualKinds
  if (value === 'all') return allKinds
  const chosen = String(value)
    .split(',')
    .map((word) => word.trim().replace(/=$/, ''))
    .map((word) => {
      const kind = edgeKinds.find((one) => one.toLowerCase() === word.toLowerCase())
      if (kind !== undefined) return kind
      throw new UsageError(
        `option --kinds: no dependency "${word}"${hint(word, edgeKinds) || `: all, or of ${edgeKinds.join(', ')}`}`,
      )
    })
  return kindsOf(...chosen)
}
