import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  Parser,
  type Node as YamlNode,
} from 'yaml'
import type { SourcePosition } from '../errors.js'
import type { Path, Problems } from './problems.js'
import type { Node } from './tree.js'
import { kMaxDepth, TreeBuilder, type YamlView } from './tree-builder.js'
import { syntaxReason } from './yaml-errors.js'

/**
 * Twice the depth a tree may have, since the parser also stacks scalars. This stops before the library's composer, which
 * recurses: 3,000 nested brackets end the whole process there (V8: "RegExpCompiler Allocation failed", Node 20.20).
 */
const kMaxParserStack = 2 * kMaxDepth

/** A directory of known mistakes, not of every brace of a file that is not YAML at all. */
const kMaxSyntaxErrors = 20

/**
 * Reads one YAML 1.2 document (core schema) into a tree. What it refuses is added to `problems`; the answer is undefined
 * when there is nothing worth checking further.
 */
export function readYaml(text: string, file: string, problems: Problems): Node | undefined {
  const lines = new LineCounter()
  lines.addNewLine(0)
  const at = (offset: number): SourcePosition => {
    const { line, col } = lines.linePos(Math.min(offset, text.length))
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const top: Path = []

  const parser = new Parser(lines.addNewLine)
  const composer = new Composer({ uniqueKeys: false, version: '1.2', logLevel: 'silent', prettyErrors: false })
  const documents: Document.Parsed[] = []
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) documents.push(...composer.next(token))
    if (parser.stack.length > kMaxParserStack) {
      problems.add('CFG_LIMIT', at(parser.offset), top, `nested deeper than ${kMaxDepth} levels`)
      return undefined
    }
  }
  for (const token of parser.end()) documents.push(...composer.next(token))
  documents.push(...composer.end(true, text.length))

  const [document, second] = documents
  if (document === undefined) throw new Error('the YAML library gave no document')
  let lastLine = 0
  for (const error of [...document.errors, ...document.warnings].slice(0, kMaxSyntaxErrors)) {
    const position = at(error.pos[0])
    // What follows on the same line is an echo of the first.
    if (position.line === lastLine) continue
    lastLine = position.line
    const lineStart = error.pos[0] - position.column + 1
    const line = text.slice(lineStart, text.indexOf('\n', lineStart) + 1 || text.length)
    const forbidden = error.code === 'TAG_RESOLVE_FAILED'
    problems.add(forbidden ? 'CFG_FORBIDDEN' : 'CFG_SYNTAX', position, top, syntaxReason(error, line))
  }
  if (second !== undefined) {
    const reason = 'a second document starts here; a configuration is one document, so remove the "---"'
    problems.add('CFG_FORBIDDEN', at(second.range[0]), top, reason)
  }
  if (document.directives.yaml.explicit === true && document.directives.yaml.version !== '1.2')
    problems.add('CFG_FORBIDDEN', at(0), top, 'is YAML 1.1 by its %YAML line; this is read as YAML 1.2 only')
  // A broken document yields a guessed tree; what would be said about it would only confuse.
  if (problems.any || document.contents === null) return undefined
  const node = new TreeBuilder(problems, at).build(viewOf(document.contents), top)
  return problems.any ? undefined : node
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
