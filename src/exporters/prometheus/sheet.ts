import type { Spelling } from './spelling.js'

/** Bytes of a page by rows, and what they were made of: made of the same they would be the same. */
export interface KeptBytes {
  readonly bytes: Buffer
  /** Where the text of each row ends. */
  readonly ends: Uint32Array
  /** The newest of the rows. */
  readonly version: number
  /** Of the resources' labels. */
  readonly described: number
}

/** What is kept of a part of a page, block by block. */
export type Sheet = (KeptBytes | undefined)[]

/** How a profile shows a metric, and what is kept of it. */
export interface Spelled {
  readonly spelling: Spelling
  readonly sheet: Sheet
}
