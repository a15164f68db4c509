import { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import type { Format } from '../../lib/openmetrics/exposition.js'
import type { Clock, Timer } from '../../util/clock.js'
import { inTurns, type Pausable } from '../../util/pausable.js'

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

/** Many scrapers at once cost one rendering a second; then the page is forgotten, since it may be larger than its source. */
const kPageMs = 1000
/** More than max_series at its limit can fill with names of usual length; it keeps the agent from growing without end. */
const kMaxPageBytes = 512 * 1024 * 1024

/** Makes pages turn by turn of the event loop, one of each format at a time. */
export class PageCache {
  readonly #clock: Clock
  readonly #write: (format: Format) => Iterable<string>
  readonly #pages = new Map<Format, Promise<Page>>()
  readonly #timers = new Set<Timer>()
  #closed = false

  /** @param write - the text of a page, piece by piece */
  constructor(clock: Clock, write: (format: Format) => Iterable<string>) {
    this.#clock = clock
    this.#write = write
  }

  page(format: Format): Promise<Page> {
    const known = this.#pages.get(format)
    if (known !== undefined) return known
    const page = inTurns(makePage(this.#untilClosed(format)), () => this.#clock.monotonicMs())
    this.#pages.set(format, page)
    const forget = (): boolean => this.#pages.delete(format)
    page.then(() => this.#after(kPageMs, forget), forget)
    return page
  }

  /** Resolves when no page is being made any more: one under way ends, rejected, with its next piece. */
  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers) timer.cancel()
    await Promise.allSettled(this.#pages.values())
    this.#pages.clear()
  }

  *#untilClosed(format: Format): Generator<string, void, undefined> {
    for (const piece of this.#write(format)) {
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

/** @throws Error when the page would be larger than `maxBytes` */
export function* makePage(text: Iterable<string>, maxBytes = kMaxPageBytes): Pausable<Page> {
  const chunks: Buffer[] = []
  let bytes = 0
  for (const piece of text) {
    if (bytes + piece.length > maxBytes) throw new Error(`it would be larger than ${maxBytes / 1024 / 1024} MiB`)
    if (piece !== '') {
      const chunk = Buffer.from(piece)
      chunks.push(chunk)
      bytes += chunk.length
    }
    yield
  }
  let zipping: Promise<Bytes> | undefined
  return { plain: { chunks, bytes }, zipped: () => (zipping ??= zip(chunks)) }
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
