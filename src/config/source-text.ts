import { isUtf8 } from 'node:buffer'
import type { SourcePosition } from '../errors.js'

/** A file's text that knows its lines. Columns count UTF-16 units, as editors do. */
export class SourceText {
  readonly text: string
  readonly file: string
  readonly #lineStarts: readonly number[]

  constructor(text: string, file: string) {
    // A byte order mark is no part of the text.
    this.text = text.startsWith('\uFEFF') ? text.slice(1) : text
    this.file = file
    const starts = [0]
    for (let at = this.text.indexOf('\n'); at >= 0; at = this.text.indexOf('\n', at + 1)) starts.push(at + 1)
    this.#lineStarts = starts
  }

  /** @param offset - of a UTF-16 unit; past the end means the end */
  at(offset: number): SourcePosition {
    const place = Math.min(Math.max(offset, 0), this.text.length)
    let low = 0
    let high = this.#lineStarts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#lineStarts[middle]! <= place) low = middle
      else high = middle - 1
    }
    return { file: this.file, line: low + 1, column: place - this.#lineStarts[low]! + 1 }
  }

  /** The whole line an offset is in. */
  lineAt(offset: number): string {
    const { line } = this.at(offset)
    return this.text.slice(this.#lineStarts[line - 1], this.#lineStarts[line] ?? this.text.length)
  }
}

/** The text, or the number of the first line that is not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | { readonly badLine: number } {
  if (isUtf8(bytes)) return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  let line = 1
  let start = 0
  // A line feed is never part of a longer UTF-8 sequence, so each line can be judged alone.
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
    if (!isUtf8(bytes.subarray(start, end))) break
    start = end + 1
    line++
  }
  return { badLine: line }
}
