/** UCUM units as Prometheus spells them (OpenTelemetry, "Prometheus and OpenMetrics Compatibility", metric metadata). */
const words: Readonly<Record<string, string>> = {
  d: 'days',
  h: 'hours',
  min: 'minutes',
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  GiBy: 'gibibytes',
  kBy: 'kilobytes',
  MBy: 'megabytes',
  GBy: 'gigabytes',
  m: 'meters',
  V: 'volts',
  A: 'amperes',
  J: 'joules',
  W: 'watts',
  g: 'grams',
  Cel: 'celsius',
  Hz: 'hertz',
  '%': 'percent',
}
const perWords: Readonly<Record<string, string>> = { s: 'second', m: 'minute', min: 'minute', h: 'hour', d: 'day' }

export interface PrometheusName {
  /** Without `_total`. */
  readonly name: string
  readonly unit: string
}

/**
 * Makes a Prometheus family name of an OpenTelemetry one: invalid characters become `_`, the unit is appended when the
 * name does not say it already, a gauge of unit `1` is a ratio, and text in braces is no unit. Endings that samples of
 * counters and histograms have (`process.open_file_descriptor.count`) are taken off: promtool refuses them elsewhere.
 */
export function prometheusName(name: string, unit: string, kind: 'gauge' | 'counter' | 'other'): PrometheusName {
  const unitWord = unitName(unit) || (kind === 'gauge' && unit === '1' ? 'ratio' : '')
  const base = sanitizeName(name).replace(/_(total|count|sum|bucket)$/, '')
  const has = unitWord === '' || base === unitWord || base.endsWith(`_${unitWord}`)
  return { name: has ? base : `${base}_${unitWord}`, unit: unitWord }
}

function unitName(unit: string): string {
  const [main = '', per, ...more] = unit.replace(/\{[^}]*\}/g, '').split('/')
  if (more.length > 0) return ''
  const top = words[main] ?? (main === '1' ? '' : sanitizeUnit(main))
  if (per === undefined || per === '') return top
  return [top, 'per', perWords[per] ?? sanitizeUnit(per)].filter((word) => word !== '').join('_')
}

function sanitizeUnit(unit: string): string {
  return unit.replace(/[^A-Za-z0-9]+/g, '_').replace(/^_+|_+$/g, '')
}

/** `[a-zA-Z_:][a-zA-Z0-9_:]*`; runs of other characters become one `_`. */
export function sanitizeName(name: string): string {
  const clean = name.replace(/[^A-Za-z0-9_:]+/g, '_').replace(/__+/g, '_')
  return /^[A-Za-z_:]/.test(clean) ? clean : `_${clean}`
}

/** `[a-zA-Z_][a-zA-Z0-9_]*`; names beginning with `__` are Prometheus' own. */
export function sanitizeLabel(name: string): string {
  const clean = name.replace(/[^A-Za-z0-9_]+/g, '_').replace(/__+/g, '_')
  return /^[A-Za-z_]/.test(clean) ? clean : `key_${clean}`
}
