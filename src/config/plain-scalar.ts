/**
 * Reads text as YAML 1.2 reads an unquoted scalar (core schema, YAML specification 1.2.2 section 10.3.2). For what a
 * substitution puts in the place of one; in the file itself the YAML library does it.
 */
export function readPlainScalar(text: string): string | number | boolean | null {
  const word = text.trim()
  if (/^(~|null|Null|NULL|)$/.test(word)) return null
  if (/^(true|True|TRUE)$/.test(word)) return true
  if (/^(false|False|FALSE)$/.test(word)) return false
  if (/^[-+]?[0-9]+$/.test(word)) return Number(word)
  if (/^0o[0-7]+$/.test(word) || /^0x[0-9a-fA-F]+$/.test(word)) return Number(word)
  if (/^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(word)) return Number(word)
  if (/^[-+]?\.(inf|Inf|INF)$/.test(word)) return word.startsWith('-') ? -Infinity : Infinity
  return /^\.(nan|NaN|NAN)$/.test(word) ? Number.NaN : text
}
