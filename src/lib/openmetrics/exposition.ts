import type { Family, Labels, SampleExemplar } from './family.js'

/** A text format Prometheus reads. */
export interface Format {
  readonly contentType: string
  readonly openMetrics: boolean
}

export const textFormat: Format = { contentType: 'text/plain; version=0.0.4; charset=utf-8', openMetrics: false }
export const openMetricsFormat: Format = {
  contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  openMetrics: true,
}

/** Only a scraper that names OpenMetrics 1.0.0 (or no version) in Accept gets it; everybody else reads 0.0.4. */
export function negotiate(accept: string | undefined): Format {
  for (const part of (accept ?? '').split(',')) {
    const [type, ...params] = part.split(';').map((piece) => piece.trim().toLowerCase())
    if (type !== 'application/openmetrics-text') continue
    const version = params.find((p) => p.startsWith('version='))?.slice('version='.length)
    const refused = params.some((p) => /^q=0(\.0*)?$/.test(p))
    if (!refused && (version === undefined || version === '1.0.0')) return openMetricsFormat
  }
  return textFormat
}

/** Longest exemplar label set, names and values together (OpenMetrics 1.0.0, "Exemplars"). */
export const kMaxExemplarChars = 128

/** HELP, TYPE and UNIT of a family, each with its newline. */
export function familyHead({ name, type, help, unit }: Family, { openMetrics }: Format): string {
  // 0.0.4 names the counter by its sample and knows no info type.
  const head = openMetrics ? name : type === 'counter' ? `${name}_total` : type === 'info' ? `${name}_info` : name
  const typed = type === 'info' && !openMetrics ? 'gauge' : type
  const lines = `# HELP ${head} ${escapeHelp(help, openMetrics)}\n# TYPE ${head} ${typed}\n`
  return openMetrics && unit !== undefined && name.endsWith(`_${unit}`) ? `${lines}# UNIT ${head} ${unit}\n` : lines
}

/** The last line of a page. */
export function pageEnd({ openMetrics }: Format): string {
  return openMetrics ? '# EOF\n' : ''
}

/** A line of the page: `name{labels} `, by which it is told from all others, and what follows with the newline. */
export type Sample = readonly [head: string, rest: string]

/** A sample up to its value: name, labels in braces if there are any, and a space. */
export function sampleHead(name: string, labels: string): string {
  return labels === '' ? `${name} ` : `${name}{${labels}} `
}

/** An exemplar as it follows the value of its sample (OpenMetrics only). */
export function exemplarText({ labels, value, timeUnixNano }: SampleExemplar): string {
  const ms = timeUnixNano / 1_000_000n
  const seconds = ms / 1000n
  return ` # {${labelText(labels)}} ${number(value)} ${seconds}.${String(ms - seconds * 1000n).padStart(3, '0')}`
}

/** Labels without the braces, so that two such texts join with a comma. */
export function labelText(labels: Labels): string {
  // join() makes one string of it; `+` would leave a tree of small ones to those who keep it.
  const pieces: string[] = []
  for (const [name, value] of labels) pieces.push(pieces.length === 0 ? '' : ',', name, '="', escapeLabel(value), '"')
  return pieces.join('')
}

/** Of two label texts one. */
export function joinLabels(first: string, second: string): string {
  return first === '' ? second : second === '' ? first : `${first},${second}`
}

/** Backslash, quote and newline are escaped; what is not valid UTF-16 becomes U+FFFD, as the page is UTF-8. */
function escapeLabel(value: string): string {
  return wellFormed(value).replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))
}

/** 0.0.4 leaves quotes in HELP alone, OpenMetrics escapes them. */
function escapeHelp(text: string, openMetrics: boolean): string {
  const escaped = wellFormed(text).replace(/[\\\n]/g, (c) => (c === '\n' ? '\\n' : '\\\\'))
  return openMetrics ? escaped.replaceAll('"', '\\"') : escaped
}

function wellFormed(text: string): string {
  return /[\ud800-\udfff]/.test(text) ? Buffer.from(text, 'utf8').toString('utf8') : text
}

/** A double as both formats read it. */
export function number(value: number | bigint): string {
  if (typeof value === 'bigint') return String(value)
  if (Number.isNaN(value)) return 'NaN'
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value)
}

/** A bucket bound as `le`: OpenMetrics wants `1.0`, and the same text in both formats keeps series from splitting. */
export function bucketBound(bound: number): string {
  const text = number(bound)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}
