import { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import type { Format } from '../../lib/openmetrics/exposition.js'
import type { Clock, Timer } from '../../util/clock.js'
import { inTurns, type Pausable } from '../../util/pausable.js'
import { KeptText } from './kept-text.js'
import type { Piece } from './page.js'

/** Bytes in pieces, so that a page of 50 MB needs no 50 MB in one place, and nothing is copied to join them. */
export interface Bytes {
  readonly chunks: readonly Buffer[]
  readonly bytes: number
}

/** A page, the same for all who ask within a second. */
export interface Page {
  readonly plain: Bytes
  zipped(): Promise<Bytes>
}

/** Many scrapers at once cost one rendering a second. */
const kPageMs = 1000
/** More than max_series at its limit can fill with names of usual length; it keeps the agent from growing without end. */
const kMaxPageBytes = 512 * 1024 * 1024
/** How far Prometheus looks back for a sample: who comes at longer intervals shows gaps, so who did not come in this time is gone. */
const kKeptMs = 300_000

/** What is held for a format between its pages. */
interface Held {
  readonly text: KeptText
  /** The page of before, if none of it is held for its own sake. */
  page: Page | undefined
  askedMs: number
}

/** Makes pages turn by turn of the event loop, one of each format at a time. */
export class PageCache {
  readonly #clock: Clock
  readonly #write: (format: Format, kept: KeptText) => Iterable<Piece>
  readonly #pages = new Map<Format, Promise<Page>>()
  readonly #held = new Map<Format, Held>()
  readonly #timers = new Set<Timer>()
  #closed = false

  /** @param write - the bytes of a page, piece by piece */
  constructor(clock: Clock, write: (format: Format, kept: KeptText) => Iterable<Piece>) {
    this.#clock = clock
    this.#write = write
  }

  page(format: Format): Promise<Page> {
    const held = this.#heldOf(format)
    const known = this.#pages.get(format)
    if (known !== undefined) return known
    const page = this.#make(format, held)
    this.#pages.set(format, page)
    const forget = (): boolean => this.#pages.delete(format)
    page.then(() => this.#after(kPageMs, forget), forget)
    return page
  }

  /** Lets go what is kept for scrapers that come no more. */
  sweep(): void {
    const beforeMs = this.#clock.monotonicMs() - kKeptMs
    for (const [format, { askedMs }] of this.#held) if (askedMs <= beforeMs) this.#held.delete(format)
  }

  /** Text kept from page to page. */
  get keptBytes(): number {
    let bytes = 0
    for (const { text } of this.#held.values()) bytes += text.bytes
    return bytes
  }

  /** Resolves when no page is being made any more: one under way ends, rejected, with its next piece. */
  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers) timer.cancel()
    await Promise.allSettled(this.#pages.values())
    this.#pages.clear()
    this.#held.clear()
  }

  #heldOf(format: Format): Held {
    const askedMs = this.#clock.monotonicMs()
    let held = this.#held.get(format)
    if (held === undefined) {
      held = { text: new KeptText(), page: undefined, askedMs }
      this.#held.set(format, held)
    }
    held.askedMs = askedMs
    return held
  }

  async #make(format: Format, held: Held): Promise<Page> {
    const making = makePage(this.#untilClosed(format, held.text), { before: held.page })
    const page = await inTurns(making, () => this.#clock.monotonicMs())
    // All its bytes are kept as text: to hold the page costs nothing.
    held.page = page.plain.bytes <= held.text.bytes ? page : undefined
    return page
  }

  *#untilClosed(format: Format, kept: KeptText): Generator<Piece, void, undefined> {
    for (const piece of this.#write(format, kept)) {
      if (this.#closed) throw new Error('the exporter is shutting down')
      yield piece
    }
  }

  #after(ms: number, fire: () => void): void {
    if (this.#closed) return
    const timer = this.#clock.after(ms, () => {
      this.#timers.delete(timer)
      fire()
    })
    this.#timers.add(timer)
  }
}

interface PageLimits {
  readonly maxBytes?: number | undefined
  /** The page of before: if this one is of the very same pieces, it is that one, compressed bytes and all. */
  readonly before?: Page | undefined
}

/** @throws Error when the page would be larger than `maxBytes` */
export function* makePage(
  pieces: Iterable<Piece>,
  { maxBytes = kMaxPageBytes, before }: PageLimits = {},
): Pausable<Page> {
  const chunks: Buffer[] = []
  let bytes = 0
  for (const piece of pieces) {
    if (piece !== undefined && piece.length > 0) {
      chunks.push(piece)
      bytes += piece.length
      if (bytes > maxBytes) throw new Error(`it would be larger than ${maxBytes / 1024 / 1024} MiB`)
    }
    yield
  }
  if (before !== undefined && isOf(before, chunks)) return before
  let zipping: Promise<Bytes> | undefined
  const zipped = (): Promise<Bytes> => {
    zipping ??= zip(chunks).catch((error: unknown) => {
      zipping = undefined // the page may be given out for hours: the next one tries again
      throw error
    })
    return zipping
  }
  return { plain: { chunks, bytes }, zipped }
}

function isOf({ plain }: Page, chunks: readonly Buffer[]): boolean {
  return plain.chunks.length === chunks.length && chunks.every((chunk, at) => chunk === plain.chunks[at])
}

async function zip(plain: readonly Buffer[]): Promise<Bytes> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of Readable.from(plain).pipe(createGzip({ level: 1 }))) {
    chunks.push(chunk)
    bytes += chunk.length
  }
  return { chunks, bytes }
}
