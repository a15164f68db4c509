import type { ConfigComplaint } from '../../component/component.js'
import type { ConfigOf, ObjectSchema } from '../../component/schema.js'
import { type AttributeValue, EncodedValue } from '../../data/attributes.js'
import { compileExpression, type Expression } from './expression.js'
import { compilePattern, compilePatterns, type NameTest } from './pattern.js'
import type { RecordView } from './record-view.js'

const patternList = {
  type: 'array',
  items: {
    type: 'string',
    minLength: 1,
    maxLength: 255,
    description: 'Exact name, `prefix*`, or glob (`*`, `?`, `[...]`).',
  },
  maxItems: 1000,
  default: [],
} as const

/** A rule as users write it, the same wherever records are selected. */
export const ruleSchema = {
  type: 'object',
  description: 'Matches a record when everything that is given in it holds.',
  properties: {
    names: { ...patternList, description: 'Names of events, metrics or spans, one of which must match.' },
    units: { ...patternList, description: 'Names of systemd units, one of which must match.' },
    attributes: {
      type: 'object',
      description:
        'Attributes that must all match, of the record or else of its resource: text is a pattern, a number or true/false an exact value.',
      additionalProperties: {
        anyOf: [
          { type: 'string', maxLength: 255, description: 'Pattern of the value.' },
          { type: 'number', description: 'Exact number.' },
          { type: 'boolean', description: 'Exact truth value.' },
        ],
        description: 'Value wanted.',
      },
      maxProperties: 100,
      default: {},
    },
    expression: {
      type: 'string',
      format: 'cel',
      minLength: 1,
      maxLength: 2048,
      description:
        'CEL expression over kind, name, unit, severity, body, attributes, resource, value; e.g. `severity >= WARN && unit != "a.service"`.',
    },
  },
} as const satisfies ObjectSchema

export type RuleConfig = ConfigOf<typeof ruleSchema>

/** Whether a record matches. */
export type RecordTest = (view: RecordView) => boolean

/** Everything wrong with a list of rules, at paths relative to the list. */
export function checkRules(rules: readonly RuleConfig[]): readonly ConfigComplaint[] {
  const complaints: ConfigComplaint[] = []
  const complain = (path: ConfigComplaint['path'], compiled: unknown): void => {
    if (typeof compiled === 'object' && compiled !== null)
      complaints.push({ path, reason: (compiled as { readonly reason: string }).reason })
  }
  for (const [index, rule] of rules.entries()) {
    for (const key of ['names', 'units'] as const)
      for (const [at, pattern] of rule[key].entries()) complain([index, key, at], compilePattern(pattern))
    for (const [key, wanted] of Object.entries(rule.attributes))
      if (typeof wanted === 'string' && wanted !== '') complain([index, 'attributes', key], compilePattern(wanted))
    if (rule.expression !== undefined) complain([index, 'expression'], compileExpression(rule.expression))
    if (
      rule.names.length + rule.units.length + Object.keys(rule.attributes).length === 0 &&
      rule.expression === undefined
    )
      complaints.push({ path: [index], reason: 'the rule is empty and would match everything; give it a condition' })
  }
  return complaints
}

/**
 * Compiles checked rules into one test that holds when one rule does; undefined for an empty list. Allocates nothing per
 * record unless an expression fails.
 *
 * @param onFailure - called for each expression that could not be evaluated; such a rule does not match
 */
export function compileRules(rules: readonly RuleConfig[], onFailure: () => void): RecordTest | undefined {
  if (rules.length === 0) return undefined
  const tests = rules.map((rule) => compileRule(rule, onFailure))
  const only = tests[0]
  if (tests.length === 1 && only !== undefined) return only
  return (view) => {
    for (const test of tests) if (test(view)) return true
    return false
  }
}

function compileRule(rule: RuleConfig, onFailure: () => void): RecordTest {
  const name = compilePatterns(rule.names)
  const unit = compilePatterns(rule.units)
  const attributes = Object.entries(rule.attributes).map(([key, wanted]) => ({ key, test: compileValue(wanted) }))
  const expression = rule.expression === undefined ? undefined : mustCompile(rule.expression)
  return (view) => {
    if (name !== undefined && !name(view.name)) return false
    if (unit !== undefined && !unit(view.unit)) return false
    for (const { key, test } of attributes) {
      const value = ownValue(view.attributes, key) ?? ownValue(view.resource, key)
      if (value === undefined || !test(value)) return false
    }
    if (expression === undefined) return true
    const result = expression(view)
    if (result === undefined) onFailure()
    return result === true
  }
}

function ownValue(attributes: Readonly<Record<string, AttributeValue>>, key: string): AttributeValue | undefined {
  return Object.hasOwn(attributes, key) ? attributes[key] : undefined
}

function compileValue(wanted: string | number | boolean): (value: AttributeValue) => boolean {
  if (typeof wanted === 'boolean') return (value) => value === wanted
  if (typeof wanted === 'number') return (value) => numberOf(value) === wanted
  const test: NameTest = wanted === '' ? (text) => text === '' : mustCompilePattern(wanted)
  return (value) => (isList(value) ? value.some(test) : test(typeof value === 'string' ? value : String(value)))
}

function isList(value: AttributeValue): value is readonly string[] {
  return typeof value === 'object' && !(value instanceof EncodedValue)
}

function numberOf(value: AttributeValue): AttributeValue | undefined {
  if (typeof value === 'bigint') return Number(value)
  return value instanceof EncodedValue ? value.integer : value
}

function mustCompilePattern(pattern: string): NameTest {
  const test = compilePattern(pattern)
  if (typeof test !== 'function') throw new Error(`pattern ${pattern}: ${test.reason}`)
  return test
}

function mustCompile(source: string): Expression {
  const expression = compileExpression(source)
  if (typeof expression !== 'function') throw new Error(`expression: ${expression.reason}`)
  return expression
}
