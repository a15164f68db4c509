import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import ts from 'typescript'

// Finds in the sources what the agent counts and logs: calls of a `telemetry` or a `logger`, and the words they are given.

export const src = resolve(import.meta.dirname, '../../../src')

/** One call, by what it is for (`dropped`, `counter`, `warn`, ...), and a word it is given; `*` stands for what varies. */
export interface Spoken {
  readonly file: string
  readonly method: string
  readonly word: string
}

/** Of each speaker, which argument is the word; the account of a delivery passes drops on to its telemetry. */
const methods: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  telemetry: { counter: 0, gauge: 0, crossing: 0, error: 0, dropped: 1 },
  logger: { info: 0, warn: 0, error: 0 },
  account: { dropped: 1, droppedAll: 1 },
}
/** What is called otherwise than what it does. */
const meanings: Readonly<Record<string, string>> = { error: 'errors', droppedAll: 'dropped' }

/** Tests, and the parts that hand through what others say. */
const notSpoken = /^(testkit|telemetry|component)\//

export function allSpoken(): readonly Spoken[] {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  return files.filter((file) => !notSpoken.test(file)).flatMap(spokenIn)
}

function spokenIn(file: string): readonly Spoken[] {
  const source = ts.createSourceFile(file, readFileSync(join(src, file), 'utf8'), ts.ScriptTarget.Latest, true)
  const found: Spoken[] = []
  const calls = callsIn(source)
  for (const call of calls) {
    if (!ts.isPropertyAccessExpression(call.expression)) continue
    const { expression, name } = call.expression
    const speaker = /\b(telemetry|logger|account)$/.exec(expression.getText())?.[1]
    const at = speaker === undefined ? undefined : methods[speaker]?.[name.text]
    if (speaker === undefined || at === undefined) continue
    const method = speaker === 'logger' ? name.text : (meanings[name.text] ?? name.text)
    for (const word of wordsOf(call.arguments[at], source, calls)) found.push({ file, method, word })
  }
  return found
}

function callsIn(source: ts.SourceFile): readonly ts.CallExpression[] {
  const calls: ts.CallExpression[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) calls.push(node)
    node.forEachChild(visit)
  }
  visit(source)
  return calls
}

/** The texts an expression can be, as far as its own file tells; else `??` and the expression, which a test must know. */
function wordsOf(
  node: ts.Expression | undefined,
  source: ts.SourceFile,
  calls: readonly ts.CallExpression[],
): readonly string[] {
  if (node === undefined) throw new Error(`${source.fileName}: a call without its word`)
  if (ts.isStringLiteralLike(node)) return [node.text]
  if (ts.isTemplateExpression(node))
    return [node.head.text + node.templateSpans.map(({ literal }) => `*${literal.text}`).join('')]
  if (ts.isConditionalExpression(node))
    return [...wordsOf(node.whenTrue, source, calls), ...wordsOf(node.whenFalse, source, calls)]
  if (ts.isIdentifier(node)) {
    const declared = declarationOf(node)
    if (declared !== undefined && ts.isVariableDeclaration(declared) && declared.initializer !== undefined)
      return wordsOf(declared.initializer, source, calls)
    if (declared !== undefined && ts.isParameter(declared)) {
      const given = argumentsFor(declared, calls)
      if (given.length > 0) return given.flatMap((argument) => wordsOf(argument, source, calls))
    }
  }
  return [`?? ${node.getText()}`]
}

/** The nearest variable or parameter of that name around a use. */
function declarationOf(use: ts.Identifier): ts.VariableDeclaration | ts.ParameterDeclaration | undefined {
  for (let scope: ts.Node = use.parent; !ts.isSourceFile(scope); scope = scope.parent) {
    if (ts.isFunctionLike(scope)) {
      const parameter = scope.parameters.find(({ name }) => name.getText() === use.text)
      if (parameter !== undefined) return parameter
    }
    if (!ts.isBlock(scope)) continue
    for (const statement of scope.statements) {
      if (!ts.isVariableStatement(statement)) continue
      const variable = statement.declarationList.declarations.find(({ name }) => name.getText() === use.text)
      if (variable !== undefined) return variable
    }
  }
  return undefined
}

/** What the calls in the file give for a parameter of a method or function of the file. */
function argumentsFor(
  parameter: ts.ParameterDeclaration,
  calls: readonly ts.CallExpression[],
): readonly ts.Expression[] {
  const owner = parameter.parent
  const name = 'name' in owner ? owner.name?.getText() : undefined
  if (name === undefined) return []
  const at = owner.parameters.indexOf(parameter)
  return calls
    .filter(({ expression }) => expression.getText() === name || expression.getText() === `this.${name}`)
    .flatMap(({ arguments: given }) => given[at] ?? [])
}
