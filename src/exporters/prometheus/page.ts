import { type Format, familyHead, pageEnd } from '../../lib/openmetrics/exposition.js'
import type { MetricHead } from '../../lib/openmetrics/spelling.js'
import { assembled, kPieceRows, twinRule } from './assembled.js'
import { bytesOf, rewriteBlock, writeBlock } from './block-text.js'
import { nodeExporterProfile, systemdExporterProfile } from './compat-profiles.js'
import { KeptText } from './kept-text.js'
import type { Part } from './part.js'
import type { Profile } from './profile.js'
import { kBlockRows } from './series-rows.js'
import type { StoreView } from './series-store.js'
import type { KeptBytes, Sheet } from './sheet.js'
import { unitscopeProfile } from './unitscope-profile.js'

export const profileNames = ['unitscope', 'node_exporter', 'systemd_exporter'] as const
export type ProfileName = (typeof profileNames)[number]

// Some names of ours are systemd_exporter's, too (systemd_unit_state). Who asks for that profile wants its labels, so
// it owns them; a family may stand on a page only once.
const byPrecedence: readonly (readonly [ProfileName, Profile])[] = [
  ['systemd_exporter', systemdExporterProfile],
  ['node_exporter', nodeExporterProfile],
  ['unitscope', unitscopeProfile],
]

/** Whether one of the profiles shows exemplars of this metric; those of a gauge have no place in OpenMetrics. */
export function showsExemplars(head: MetricHead, wanted: ReadonlySet<ProfileName>): boolean {
  return byPrecedence.some(([name, profile]) => {
    const type = wanted.has(name) ? profile.spell(head)?.family.type : undefined
    return type === 'counter' || type === 'histogram'
  })
}

/** Bytes of a page, or only a pause. */
export type Piece = Buffer | undefined

/** A page in pieces. It ends with how many samples were left out because of another one of that name (and labels). */
export type Pieces = Generator<Piece, number, undefined>

/**
 * Writes the families of the profiles wanted, each name and each series once, in pieces of some 16 to 64 KiB (blocks of histograms with many buckets are
 * larger), so that a large page holds up nothing else. What the store learns meanwhile is on the page or is not.
 *
 * @param kept - of the page before, of the same store, profiles and format: what reads as it did then is not written again
 * @returns samples left out because of another one of that name (and labels): one such pair fails the whole scrape
 */
export function* writePage(
  store: StoreView,
  wanted: ReadonlySet<ProfileName>,
  format: Format,
  kept: KeptText = new KeptText(),
): Pieces {
  const profiles = byPrecedence.filter(([name]) => wanted.has(name)).map(([, profile]) => profile)
  const assembling = assembled(store, profiles, kept)
  let step = assembling.next()
  for (; step.done !== true; step = assembling.next()) yield undefined
  const { families, leftOut, end } = step.value
  let duplicates = 0
  for (const part of leftOut)
    for (let row = 0; row < part.rows; row++) {
      duplicates += part.samples(row, format).length
      if (row % kPieceRows === kPieceRows - 1) yield undefined
    }
  for (const family of families) {
    yield onceWritten(family.head, () => familyHead(family.family, format), kept)
    if (family.unlike) for (const part of family.parts) yield* writeBlocks(part, store, format, kept)
    else duplicates += yield* writeNewest(family.parts, format)
  }
  yield onceWritten(end, () => pageEnd(format), kept)
  return duplicates
}

function onceWritten(sheet: Sheet, write: () => string, kept: KeptText): Buffer {
  const known = sheet[0]
  if (known !== undefined) return known.bytes
  const bytes = bytesOf(write())
  kept.keep(sheet, 0, { bytes, ends: new Uint32Array(0), version: 0, described: 0 })
  return bytes
}

/** Lines none of which can be taken for another, block by block: those of before where they would be the same. */
function* writeBlocks(part: Part, store: StoreView, format: Format, kept: KeptText): Generator<Piece, void, undefined> {
  const { sheet, rows } = part
  for (let block = 0; block * kBlockRows < rows; block++) {
    const size = Math.min(rows - block * kBlockRows, kBlockRows)
    let known = sheet[block]
    const isCurrent = known?.described === store.described
    if (!isCurrent || known!.version !== part.version(block) || known!.ends.length !== size) {
      known = blockOf(part, block, size, format, isCurrent ? known : undefined, store.described)
      kept.keep(sheet, block, known)
    }
    yield known!.bytes
  }
}

/** In one go, so that it is of the versions that are read. */
function blockOf(
  part: Part,
  block: number,
  size: number,
  format: Format,
  before: KeptBytes | undefined,
  described: number,
): KeptBytes {
  const first = block * kBlockRows
  const version = part.version(block)
  const textOf = (row: number): string => part.text(first + row, format)
  if (before !== undefined) {
    const changed: boolean[] = []
    let changes = 0
    for (let row = 0; row < size; row++) {
      const isOther = row >= before.ends.length || part.rowVersion(first + row) > before.version
      changed.push(isOther)
      if (isOther) changes++
    }
    // Bytes are copied in no time, but each row that is written alone takes twice as long as among others.
    if (2 * changes <= size) return { ...rewriteBlock(before, changed, textOf), version, described }
  }
  return { ...writeBlock(size, textOf), version, described }
}

/** About 600 lines, 0.1 ms. */
const kPieceChars = 65_536

/** Of lines that are alike the newest one, at the place of the first. Which one that is changes without a value: nothing is kept. */
function* writeNewest(parts: readonly Part[], format: Format): Pieces {
  const mayHaveTwin = twinRule(parts)
  const newest = new Map<string, { readonly rest: string; readonly cameMs: number }>()
  let given = 0
  for (const part of parts) {
    for (let row = 0; row < part.rows; row++) {
      if (row % kPieceRows === kPieceRows - 1) yield undefined
      if (!mayHaveTwin(part, row)) continue
      const cameMs = part.cameMs(row)
      for (const [head, rest] of part.samples(row, format)) {
        const other = newest.get(head)
        if (other === undefined || other.cameMs <= cameMs) newest.set(head, { rest, cameMs })
        given++
      }
    }
  }
  const duplicates = given - newest.size

  let text = ''
  for (const part of parts)
    for (let row = 0; row < part.rows; row++) {
      if (text.length >= kPieceChars) {
        yield Buffer.from(text)
        text = ''
      }
      if (!mayHaveTwin(part, row)) {
        text += part.text(row, format)
        continue
      }
      for (const [head] of part.samples(row, format)) {
        const shown = newest.get(head)
        if (shown === undefined) continue
        text += head + shown.rest
        newest.delete(head)
      }
    }
  yield Buffer.from(text)
  return duplicates
}
