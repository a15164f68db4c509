import type { YAMLError } from 'yaml'

/**
 * What to do about a syntax error, in our words. The library's own texts quote the file, which may hold a secret, and
 * speak of tokens; an operator needs the remedy.
 */
const reasons: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  BAD_DQ_ESCAPE: 'this backslash escape does not exist in "double quotes"; use \'single quotes\' or write \\\\',
  BAD_INDENT: 'wrong indentation: what belongs together starts in the same column',
  BAD_SCALAR_START: 'a value that starts with this character must be put in quotes',
  BLOCK_AS_IMPLICIT_KEY:
    'a second "key:" on one line, or wrong indentation; text that holds ": " must be put in quotes',
  BLOCK_IN_FLOW: 'an indented block cannot stand inside [ ] or { }',
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters; is a line break missing?',
  MULTILINE_IMPLICIT_KEY: 'a key goes over more than one line; is a ":" missing, or the indentation wrong?',
  MULTIPLE_ANCHORS: 'a value can have one &anchor only',
  MULTIPLE_TAGS: 'tags such as !name are not supported; remove it',
  TAB_AS_INDENT: 'a tab is used for indentation; YAML takes spaces only',
  TAG_RESOLVE_FAILED: 'tags such as !name are not supported; remove it',
  RESOURCE_EXHAUSTION: 'too complex to be read',
  BAD_DIRECTIVE: 'this %-line is not understood; remove it',
  ALIAS_PROPS: 'an alias (*name) cannot have an anchor or a tag',
  BAD_ALIAS: 'not the name of an alias; put text that starts with * or & in quotes',
}

/** @param line - the line of the file it stands on */
export function syntaxReason(error: YAMLError, line: string): string {
  // In [ ] and { } the braces of ${env:X} are YAML's own; in quotes they are text.
  if (/[[{].*\$\{/.test(line.replace(/"[^"]*"|'[^']*'/g, '""')))
    return 'inside [ ] or { } a reference needs quotes: "${env:NAME}"'
  if (error.code === 'MISSING_CHAR' && error.message.includes('quote')) return 'this quote is never closed'
  if (error.code === 'MISSING_CHAR') return 'a ":", a "," or a closing bracket is missing here'
  return (
    reasons[error.code] ??
    'not valid YAML here; look at the indentation, quotes and brackets of this line and the one above'
  )
}
