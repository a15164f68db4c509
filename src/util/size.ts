const unitBytes: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
}

/** 1 TiB: no buffer here may be larger. */
const kMaxSizeBytes = 2 ** 40

/** No buffer, file or limit here is of use below this, so that a smaller number without a unit was not meant in bytes. */
const kLeastBytes = 4096

/**
 * Parses a size such as `64MiB`, `10MB` or `512B` into bytes. A bare number has no unit and is refused.
 *
 * @returns bytes, or a reason that says what to write instead
 */
export function parseSize(text: string): number | { readonly reason: string } {
  const match = /^(\d+)(B|kB|MB|GB|KiB|MiB|GiB)$/.exec(text)
  if (match === null) {
    const hint = /^\d{1,15}$/.test(text) ? `: did you mean "${text}${Number(text) < kLeastBytes ? 'MiB' : 'B'}"?` : ''
    return { reason: `"${text.slice(0, 40)}" is not a size such as 512B, 64KiB, 10MB or 1GiB${hint}` }
  }
  const bytes = Number(match[1]) * unitBytes[match[2]!]!
  return bytes <= kMaxSizeBytes ? bytes : { reason: `"${text.slice(0, 40)}" is more than 1024GiB` }
}
