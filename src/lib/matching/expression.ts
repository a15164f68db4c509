import { Environment, ParseError } from '@marcbachmann/cel-js'
import { Severity } from '../../data/event.js'
import { hint } from '../../util/did-you-mean.js'
import type { RecordView } from './record-view.js'

/** Far above what a person writes by hand; a generated one belongs into several rules. */
const kMaxExpressionLength = 2048

/** The library's own limits, lowered: evaluation runs once per record. */
const kLimits = { maxAstNodes: 500, maxDepth: 40, maxListElements: 200, maxMapEntries: 50, maxCallArguments: 16 }

/** Undefined: evaluation failed (an attribute is missing, types do not fit), which counts as "does not match". */
export type Expression = (view: RecordView) => boolean | undefined

let environment: Environment | undefined

// Made at first use: a pipeline without expressions does not pay for it.
function recordEnvironment(): Environment {
  environment ??= new Environment({ limits: kLimits })
    .registerVariable('kind', 'string')
    .registerVariable('name', 'string')
    .registerVariable('unit', 'string')
    .registerVariable('severity', 'int')
    .registerVariable('body', 'string')
    .registerVariable('attributes', 'map<string, dyn>')
    .registerVariable('resource', 'map<string, dyn>')
    .registerVariable('value', 'dyn')
    .registerConstant('DEBUG', 'int', BigInt(Severity.debug))
    .registerConstant('INFO', 'int', BigInt(Severity.info))
    .registerConstant('WARN', 'int', BigInt(Severity.warn))
    .registerConstant('ERROR', 'int', BigInt(Severity.error))
    .registerConstant('FATAL', 'int', BigInt(Severity.fatal))
  return environment
}

/**
 * Compiles a CEL expression over RecordView (https://github.com/google/cel-spec), with the constants DEBUG, INFO, WARN,
 * ERROR and FATAL for `severity`. It must be of type bool; one whose type is known only at run time must then yield a bool.
 */
export function compileExpression(source: string): Expression | { readonly reason: string } {
  if (source.length > kMaxExpressionLength)
    return { reason: `the expression is longer than ${kMaxExpressionLength} characters` }
  let parsed: ReturnType<Environment['parse']>
  try {
    parsed = recordEnvironment().parse(source)
  } catch (error) {
    if (error instanceof ParseError) return { reason: describe(error) }
    throw error
  }
  const checked = parsed.check()
  if (!checked.valid) return { reason: checked.error === undefined ? 'does not type-check' : describe(checked.error) }
  if (checked.type !== 'bool' && checked.type !== 'dyn')
    return { reason: `gives ${checked.type}, but a rule needs true or false: compare it with something` }
  return (view) => {
    try {
      const result: unknown = parsed(view)
      return typeof result === 'boolean' ? result : undefined
    } catch {
      return undefined
    }
  }
}

function describe(error: { readonly summary: string; readonly range?: { readonly start: number } }): string {
  const place = error.range === undefined ? '' : ` at character ${error.range.start + 1}`
  return `CEL${place}: ${error.summary}${overloadHint(error.summary)}`
}

/** What there is where a function or method was called that there is not, or with something it does not take. */
function overloadHint(summary: string): string {
  const [, receiver, name] = /overload for '(?:([\w.]+)(?:<.*>)?\.)?(\w+)\(/.exec(summary) ?? []
  if (name === undefined) return ''
  const all = recordEnvironment().getDefinitions().functions
  const fit = all.filter(({ receiverType }) => (receiverType ?? undefined)?.replace(/<.*/, '') === receiver)
  const same = fit.filter((one) => one.name === name)
  if (same.length > 0) return `; it is ${[...new Set(same.map(({ signature }) => signature))].slice(0, 4).join(' or ')}`
  const names = [...new Set(fit.map((one) => one.name))].sort()
  if (names.length === 0) return ''
  const meant = hint(name, names)
  const what = receiver === undefined ? 'the functions' : `the methods of ${receiver}`
  return meant === '' ? `; ${what} are ${names.join(', ')}` : meant
}
