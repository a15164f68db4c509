/** A copy reaches back at most so far, and a position fits 16 bits (snappy's format_description.txt, "Copies"). */
const kFragmentBytes = 65_536
const kHashBits = 14
/** Below this a copy cannot save anything that its tag does not cost. */
const kMinFragment = 16

/** Of the fragment in work: where four bytes of this hash were seen last, from its start. Cleared for each: 32 KiB. */
const seenAt = new Uint16Array(1 << kHashBits)

/**
 * Compresses into the elements of snappy's block format (format_description.txt of google/snappy), without the length that stands
 * before them: elements refer back only within their own input, so that those of several inputs, one after the other, are
 * the elements of the inputs joined.
 */
export function snappyElements(input: Uint8Array): Buffer {
  // The worst case of the format: a tag of three bytes for each 64 KiB literal, and room for the last copy.
  const out = Buffer.allocUnsafe(32 + input.length + Math.ceil(input.length / 6))
  let at = 0
  for (let start = 0; start < input.length; start += kFragmentBytes)
    at = compressFragment(input, start, Math.min(start + kFragmentBytes, input.length), out, at)
  return Buffer.from(out.subarray(0, at))
}

/** The length of the uncompressed bytes, which stands before the elements. */
export function snappyLength(bytes: number): Buffer {
  const out: number[] = []
  let rest = bytes
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) out.push((rest % 0x80) | 0x80)
  out.push(rest)
  return Buffer.from(out)
}

function compressFragment(input: Uint8Array, start: number, end: number, out: Buffer, outAt: number): number {
  let at = outAt
  let from = start // of what is not written yet
  if (end - start >= kMinFragment) {
    seenAt.fill(0)
    const last = end - 4
    let misses = 0
    for (let here = start + 1; here <= last; ) {
      const hash = hashOf(word(input, here))
      const match = start + seenAt[hash]!
      seenAt[hash] = here - start
      if (word(input, match) !== word(input, here)) {
        // What does not compress is passed over with growing steps.
        here += 1 + (misses++ >> 5)
        continue
      }
      misses = 0
      let to = here + 4
      for (let back = match + 4; to < end && input[to] === input[back]; back++) to++
      at = writeLiteral(input, from, here, out, at)
      at = writeCopy(here - match, to - here, out, at)
      from = to
      if (to - 1 <= last) seenAt[hashOf(word(input, to - 1))] = to - 1 - start
      here = to
    }
  }
  return writeLiteral(input, from, end, out, at)
}

function word(input: Uint8Array, at: number): number {
  return input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16) | (input[at + 3]! << 24)
}

/** Multiplying by an odd constant spreads all bits into the upper ones. */
function hashOf(bytes: number): number {
  return Math.imul(bytes, 0x1e35a7bd) >>> (32 - kHashBits)
}

/** Element type 00; a length of up to 60 stands in the tag, a longer one behind it. */
function writeLiteral(input: Uint8Array, from: number, to: number, out: Buffer, outAt: number): number {
  let at = outAt
  const length = to - from
  if (length === 0) return at
  const coded = length - 1
  if (coded < 60) out[at++] = coded << 2
  else if (coded < 256) {
    out[at++] = 60 << 2
    out[at++] = coded
  } else {
    out[at++] = 61 << 2
    out[at++] = coded & 0xff
    out[at++] = coded >> 8
  }
  out.set(input.subarray(from, to), at)
  return at + length
}

/** Element types 01 (4 to 11 bytes from up to 2047 back) and 10 (up to 64 bytes from up to 65535 back). */
function writeCopy(back: number, length: number, out: Buffer, outAt: number): number {
  let at = outAt
  let left = length
  while (left > 64) {
    // Of 65 to 67 bytes, 64 would leave fewer than type 01 can hold.
    const part = left < 68 ? 60 : 64
    at = writeLongCopy(back, part, out, at)
    left -= part
  }
  if (left > 11 || back > 2047) return writeLongCopy(back, left, out, at)
  out[at++] = ((back >> 8) << 5) | ((left - 4) << 2) | 1
  out[at++] = back & 0xff
  return at
}

function writeLongCopy(back: number, length: number, out: Buffer, at: number): number {
  out[at] = ((length - 1) << 2) | 2
  out[at + 1] = back & 0xff
  out[at + 2] = back >> 8
  return at + 3
}
