import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  Parser,
  visit,
  type YAMLError,
  type Node as YamlNode,
} from 'yaml'
import type { SourcePosition } from '../errors.js'
import type { Path, Problems } from './problems.js'
import type { SourceText } from './source-text.js'
import type { Node } from './tree.js'
import { kMaxDepth, TreeBuilder, type YamlView } from './tree-builder.js'
import { syntaxReason } from './yaml-errors.js'

/**
 * Twice the depth a tree may have, since the parser also stacks scalars. This stops before the library's composer, which
 * recurses: 3,000 nested brackets end the whole process there (V8: "RegExpCompiler Allocation failed", Node 20.20).
 */
const kMaxParserStack = 2 * kMaxDepth

/** Enough to mend by; a file that is not YAML at all has as many errors as brackets. */
const kMaxSyntaxErrors = 20

/** YAML 1.2.2 section 5.1: what a stream may not hold. Escapes ("\\x1b") may name them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const forbiddenCharacter = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/

/**
 * Reads one YAML 1.2 document (core schema) into a tree.
 *
 * @throws {ConfigError} with what is wrong; nothing further is worth checking then
 */
export function readYaml(source: SourceText, problems: Problems): Node {
  const { text } = source
  const at = (offset: number): SourcePosition => source.at(offset)
  const control = text.search(forbiddenCharacter)
  if (control >= 0) problems.add('CFG_SYNTAX', at(control), top, 'a control character stands here; is this file text?')
  problems.throwIfAny()

  const [document, second] = compose(source, problems)
  if (document === undefined) throw new Error('the YAML library gave no document')
  // Unknown tags are only warnings here; the builder refuses all tags.
  const serious = [...document.errors, ...document.warnings.filter((w) => w.code !== 'TAG_RESOLVE_FAILED')]
  addSyntaxErrors(serious, delimitedIn(document), source, problems)
  if (second !== undefined) {
    const reason = 'a second document starts here; a configuration is one document, so remove the "---"'
    problems.add('CFG_FORBIDDEN', at(second.range[0]), top, reason)
  }
  if (document.directives.yaml.explicit === true && document.directives.yaml.version !== '1.2')
    problems.add('CFG_FORBIDDEN', at(0), top, 'is YAML 1.1 by its %YAML line; this is read as YAML 1.2 only')
  // A broken document yields a guessed tree; what would be said about it would only confuse.
  problems.throwIfAny()
  const node = new TreeBuilder(problems, at).build(viewOf(document.contents), top)
  problems.throwIfAny()
  return node
}

const top: Path = []

function addSyntaxErrors(
  errors: readonly YAMLError[],
  { quotes, brackets }: Delimited,
  source: SourceText,
  problems: Problems,
): void {
  let lastLine = 0
  let tabs = false
  for (const error of errors.slice(0, kMaxSyntaxErrors)) {
    const open = quotes.find((quoted) => neverClosed(quoted, error, source))
    const position = source.at(open?.start ?? error.pos[0])
    if (open !== undefined) {
      // All that follows was read as if it were text, and text as if it were YAML.
      problems.add('CFG_SYNTAX', position, top, 'this quote is never closed')
      return
    }
    // What follows on the same line is an echo of the first; so is what the library finds odd after a tab.
    if (position.line === lastLine || (tabs && error.code !== 'TAB_AS_INDENT')) continue
    lastLine = position.line
    tabs ||= error.code === 'TAB_AS_INDENT'
    const bracket = error.code === 'BAD_INDENT' ? brackets.find(({ end }) => end === error.pos[0]) : undefined
    const reason =
      bracket === undefined
        ? syntaxReason(error, source.lineAt(error.pos[0]))
        : 'this bracket is never closed, or its lines are not indented enough'
    problems.add('CFG_SYNTAX', bracket === undefined ? position : source.at(bracket.start), top, reason)
  }
}

/** From the opening quote or bracket to behind the closing one. */
interface Span {
  readonly start: number
  readonly end: number
}

interface Delimited {
  readonly quotes: readonly Span[]
  readonly brackets: readonly Span[]
}

function delimitedIn(document: Document.Parsed): Delimited {
  const quotes: Span[] = []
  const brackets: Span[] = []
  visit(document, {
    Scalar(_key, { type, range }) {
      if ((type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE') && range) quotes.push({ start: range[0], end: range[1] })
    },
    Collection(_key, { flow, range }) {
      if (flow === true && range) brackets.push({ start: range[0], end: range[1] })
    },
  })
  return { quotes, brackets }
}

/**
 * An open quote is noticed where the text must end, or in the line of the next quote, which closes it; where it was opened
 * is what helps.
 */
function neverClosed({ start, end }: Span, error: YAMLError, source: SourceText): boolean {
  const [at] = error.pos
  if (at < start) return false
  if (error.code === 'MISSING_CHAR' && start < at && at <= end) return true
  const last = source.at(end).line
  return source.at(start).line < last && source.at(at).line === last
}

function compose(source: SourceText, problems: Problems): readonly Document.Parsed[] {
  const parser = new Parser()
  const composer = new Composer({ uniqueKeys: false, version: '1.2', logLevel: 'silent', prettyErrors: false })
  const documents: Document.Parsed[] = []
  let strays = 0
  for (const lexeme of new Lexer().lex(source.text)) {
    for (const token of parser.next(lexeme)) {
      documents.push(...composer.next(token))
      if (token.type === 'error') strays++
    }
    if (strays > kMaxSyntaxErrors) break
    if (parser.stack.length > kMaxParserStack) {
      problems.add('CFG_LIMIT', source.at(parser.offset), top, `nested deeper than ${kMaxDepth} levels`)
      problems.throwIfAny()
    }
  }
  for (const token of parser.end()) documents.push(...composer.next(token))
  documents.push(...composer.end(true, source.text.length))
  return documents
}

/** The library's node in the few words the builder needs, so that only this file knows the library. */
function viewOf(node: YamlNode | null): YamlView {
  if (node === null) return { kind: 'scalar', value: null, text: '', quoted: false, range: undefined }
  const range: readonly [number, number] | undefined = node.range ? [node.range[0], node.range[1]] : undefined
  const tag = 'tag' in node && typeof node.tag === 'string' ? node.tag : undefined
  const anchor = 'anchor' in node ? node.anchor : undefined
  const head = { range, ...(tag === undefined ? {} : { tag }), ...(anchor === undefined ? {} : { anchor }) }
  if (isAlias(node)) return { kind: 'alias', source: node.source, range }
  if (isMap(node)) {
    const pairs = node.items.map(
      (pair) => [viewOf(pair.key as YamlNode), () => viewOf(pair.value as YamlNode)] as const,
    )
    return { kind: 'map', pairs, ...head }
  }
  if (isSeq(node)) return { kind: 'list', items: node.items.map((item) => () => viewOf(item as YamlNode)), ...head }
  if (!isScalar(node)) throw new Error('a kind of YAML node that does not exist')
  const quoted = node.type !== 'PLAIN' && node.type !== undefined
  return { kind: 'scalar', value: node.value, text: node.source ?? String(node.value ?? ''), quoted, ...head }
}
