import type { KeptBytes } from './sheet.js'

export type Block = Pick<KeptBytes, 'bytes' | 'ends'>

/** Text row by row as bytes. */
export function writeBlock(rows: number, textOf: (row: number) => string): Block {
  const ends = new Uint32Array(rows)
  let text = ''
  for (let row = 0; row < rows; row++) {
    text += textOf(row)
    ends[row] = text.length
  }
  const bytes = bytesOf(text)
  // Where a character takes more than a byte: rare in names of units.
  if (bytes.length !== text.length)
    for (let row = 0, from = 0, end = 0; row < rows; row++) {
      const to = ends[row]!
      end += Buffer.byteLength(text.slice(from, to))
      ends[row] = end
      from = to
    }
  return { bytes, ends }
}

/** The same with the bytes of before for each row of which `changed` is not true; rows that it did not have are to be. */
export function rewriteBlock(before: Block, changed: readonly boolean[], textOf: (row: number) => string): Block {
  const rows = changed.length
  const texts: (string | undefined)[] = []
  const ends = new Uint32Array(rows)
  let size = 0
  for (let row = 0; row < rows; row++) {
    const text = changed[row] === true ? textOf(row) : undefined
    texts.push(text)
    size += text === undefined ? before.ends[row]! - startOf(row, before.ends) : Buffer.byteLength(text)
    ends[row] = size
  }
  const bytes = Buffer.allocUnsafeSlow(size)
  for (let row = 0; row < rows; ) {
    const text = texts[row]
    const start = startOf(row, ends)
    if (text !== undefined) {
      bytes.write(text, start)
      row++
      continue
    }
    const first = row
    while (row < rows && texts[row] === undefined) row++
    before.bytes.copy(bytes, start, startOf(first, before.ends), before.ends[row - 1]!)
  }
  return { bytes, ends }
}

/** Not a piece of Node's pool: one that is kept would keep the others' 8 KiB. */
export function bytesOf(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text))
  bytes.write(text)
  return bytes
}

function startOf(row: number, ends: Uint32Array): number {
  return row === 0 ? 0 : ends[row - 1]!
}
