const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A year: longer intervals are typing errors, and setTimeout ends at 24.8 days anyway (callers cap lower). */
const kMaxDurationMs = 366 * 86_400_000

/**
 * Parses a duration such as `250ms`, `10s`, `5m`, `1h30m` or `0s` into milliseconds.
 * Whole numbers only: a fraction would round silently, and no interval here is finer than 1 ms.
 *
 * @returns milliseconds, or a reason that says what to write instead
 */
export function parseDuration(text: string): number | { readonly reason: string } {
  if (!/^(\d+(ms|s|m|h|d))+$/.test(text)) {
    const meant = /^\d+$/.test(text) ? `${text}s` : ofFraction(text)
    const hint = meant === undefined ? '' : `: did you mean "${meant}"?`
    return { reason: `"${clip(text)}" is not a duration such as 250ms, 10s, 5m or 1h30m${hint}` }
  }
  let total = 0
  for (const [, digits, unit] of text.matchAll(/(\d+)(ms|s|m|h|d)/g)) total += Number(digits) * unitMs[unit!]!
  if (total > kMaxDurationMs) return { reason: `"${clip(text)}" is longer than 366 days` }
  return total
}

/** `90s` of `1.5m`; undefined where it is no fraction, or not of whole milliseconds. */
function ofFraction(text: string): string | undefined {
  const [, number, unit] = /^(\d{1,4}\.\d{1,4})(ms|s|m|h|d)$/.exec(text) ?? []
  // Rounded to a thousandth: 4.35 * 1000 is 4350 but for the last bit.
  const ms = Math.round(Number(number) * (unitMs[unit ?? ''] ?? 0) * 1000) / 1000
  if (!Number.isInteger(ms) || ms <= 0) return undefined
  const [whole, size] = Object.entries(unitMs).findLast(([, one]) => ms % one === 0)!
  return `${ms / size}${whole}`
}

/** Writes milliseconds as the shortest exact duration, e.g. 90000 -> `1m30s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  let rest = Math.round(ms)
  let text = ''
  for (const [unit, size] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
    ['ms', 1],
  ] as const) {
    const count = Math.floor(rest / size)
    if (count > 0) text += `${count}${unit}`
    rest -= count * size
  }
  return text
}

function clip(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}...` : text
}
