import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { RefusalError } from '../../errors.js'
import { Bits } from './bits.js'
import { type Disk, type DiskFile, isDamage, OnDemandFile } from './disk.js'
import {
  type DecodedHeader,
  decodeHeader,
  decodeMark,
  decodeNote,
  encodeHeader,
  type FileKind,
  fileName,
  type Header,
  kFormatVersion,
  kHeaderBytes,
  kMarkBytes,
  kNoteBytes,
  kNotesStart,
  type Mark,
  type Note,
  parseFileName,
} from './format.js'
import { Notes } from './notes.js'
import { quarantine } from './quarantine.js'
import { Scanner } from './scanner.js'
import { Segment } from './segment.js'

/** One segment's files that are there. */
interface Files {
  readonly number: number
  log?: string
  done?: string
}

export interface LoadOptions {
  readonly disk: Disk
  readonly folder: string
  readonly onError: (error: unknown) => void
}

/** Files that cannot be read; `items` are lost with them, as far as notes tell. */
interface Unreadable {
  readonly items: number
  readonly files: readonly string[]
  readonly kept: boolean
}

/**
 * Opens the segments of a folder, oldest first; files of those that cannot be read are set aside.
 *
 * @throws RefusalError for one of another version: nothing is changed then
 */
export async function loadSegments(options: LoadOptions): Promise<{
  readonly segments: Segment[]
  readonly unreadable: readonly Unreadable[]
  readonly lastNumber: number
}> {
  const all = await listSegments(options)
  await checkVersions(options, all)
  const segments: Segment[] = []
  const unreadable: Unreadable[] = []
  const setAside = async (files: readonly string[], items: number): Promise<undefined> => {
    const kept = await quarantine(options, files)
    await removeAll(options.disk, files)
    unreadable.push({ files, items, kept })
  }
  for (const files of all) {
    const segment = await loadSegment(options, files, setAside)
    if (segment !== undefined) segments.push(segment)
  }
  return { segments, unreadable, lastNumber: all.at(-1)?.number ?? 0 }
}

/** The segments of a folder, oldest first. Other files are left alone. */
async function listSegments({ disk, folder }: LoadOptions): Promise<readonly Files[]> {
  const byNumber = new Map<number, Files>()
  for (const name of await disk.list(folder)) {
    const parsed = parseFileName(name)
    if (parsed === undefined) continue
    const files: Files = byNumber.get(parsed.number) ?? { number: parsed.number }
    byNumber.set(parsed.number, files)
    files[parsed.kind] = join(folder, name)
  }
  return [...byNumber.values()].sort((a, b) => a.number - b.number)
}

/** Looks at what all segments say of themselves. Nothing is changed. @throws RefusalError for one of another version */
async function checkVersions(options: LoadOptions, all: readonly Files[]): Promise<void> {
  for (const { log, done } of all) {
    const headers = [await headerOf(options, 'log', log), await headerOf(options, 'done', done)]
    // One flipped byte is no new version where the other file is one of ours.
    if (headers.some((header) => header !== undefined && 'salt' in header)) {
      const other = headers.find((header) => header !== undefined && 'version' in header && header.whole)
      if (other === undefined) continue
    }
    for (const header of headers)
      if (header !== undefined && 'version' in header)
        throw new RefusalError(
          `${log ?? done} is of version ${header.version} of the queue's format, this agent knows ${kFormatVersion}: run the newer agent again, or move the folder away`,
        )
  }
}

type SeenHeader = DecodedHeader | undefined

async function headerOf({ disk }: LoadOptions, kind: FileKind, path: string | undefined): Promise<SeenHeader> {
  if (path === undefined) return undefined
  const bytes = await orDamaged(
    async () => {
      const file = await disk.openFile(path, false)
      return file.read(0, kHeaderBytes).finally(() => file.close())
    },
    () => {},
  )
  return bytes === undefined ? { damaged: true } : decodeHeader(kind, bytes)
}

/** Undefined: the disk says that it is damaged, which keeps nobody from starting. Other errors do. */
async function orDamaged<T>(read: () => Promise<T>, onError: (error: unknown) => void): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (!isDamage(error)) throw error
    onError(error)
    return undefined
  }
}

/**
 * Opens what an earlier process left. Undefined: nothing is left of it, and its files are gone. What is damaged in it shows
 * when it is read; a segment of which both headers are damaged is set aside, and so are notes that the disk does not give.
 */
async function loadSegment(
  options: LoadOptions,
  files: Files,
  setAside: (files: readonly string[], items: number) => Promise<undefined>,
): Promise<Segment | undefined> {
  const { disk, folder, onError } = options
  const paths = [files.log, files.done].filter((path) => path !== undefined)
  const readable = await orDamaged(() => readDone(disk, files.done), onError)
  const done = readable ?? noNotes
  const log = files.log === undefined ? undefined : new OnDemandFile(disk, files.log)
  const size = log === undefined ? 0 : await orDamaged(() => log.size(), onError)
  const start = log === undefined ? undefined : await orDamaged(() => log.read(0, kHeaderBytes), onError)
  const logHeader = start === undefined ? { damaged: true as const } : decodeHeader('log', start)
  const header = 'salt' in logHeader ? logHeader : done.header
  const mark = done.mark
  if (log === undefined || header === undefined) {
    await log?.close()
    const items = mark === undefined ? 0 : Math.max(mark.items - settledOf(done, mark).settledItems, 0)
    const isEmpty = items === 0 && size !== undefined && size <= kHeaderBytes && readable !== undefined
    return isEmpty ? removeAll(disk, paths) : setAside(paths, items)
  }
  if (readable === undefined) await setAside([files.done!], 0)
  const whole = await endOf(log, header.salt, mark, size ?? 0, onError)
  const notesPath = join(folder, fileName(files.number, 'done'))
  const notes =
    done.header === undefined
      ? await remake(disk, notesPath, files.done !== undefined && readable !== undefined, header, whole, onError)
      : new Notes(disk, notesPath, kNotesStart + Math.ceil(done.noteBytes / kNoteBytes) * kNoteBytes, onError)
  const settled = settledOf(done, whole)
  const segment = new Segment(log, notes, {
    ...header,
    ...whole,
    ...settled,
    number: files.number,
    size: size ?? 0,
    sealed: true,
  })
  await log.close()
  if (!segment.isSettled) return segment
  await segment.close()
  return removeAll(disk, paths)
}

async function removeAll(disk: Disk, paths: readonly string[]): Promise<undefined> {
  for (const path of paths) await disk.remove(path)
  return undefined
}

/** Behind the last mark there is what nobody was told of; what is whole of it counts as well. */
async function endOf(
  log: DiskFile,
  salt: number,
  mark: Mark | undefined,
  size: number,
  onError: (error: unknown) => void,
): Promise<Mark> {
  let { records, items, end } = mark ?? { records: 0, items: 0, end: kHeaderBytes }
  if (size <= end) return { records, items, end }
  const scanner = new Scanner(log, salt, end)
  for (;;) {
    const found = await orDamaged(() => scanner.read(1, size), onError)
    if (found === undefined || found.length === 0) return { records, items, end }
    for (const record of found) {
      // Without a mark, gaps are damage and counted by what the next record says; behind one, the chain must be whole.
      if (mark !== undefined && record.index !== records) return { records, items, end }
      records = record.index + 1
      items = record.itemsBefore + record.items
      end = record.end
    }
  }
}

interface Done {
  /** Undefined: damaged, or not there. */
  readonly header: Header | undefined
  /** The later of the two. */
  readonly mark: Mark | undefined
  /** Those that are whole: of one that is not, its record is delivered once more. */
  readonly notes: readonly Note[]
  readonly noteBytes: number
}

const noNotes: Done = { header: undefined, mark: undefined, notes: [], noteBytes: 0 }

async function readDone(disk: Disk, path: string | undefined): Promise<Done> {
  if (path === undefined) return noNotes
  const file = await disk.openFile(path, false)
  const bytes = await file
    .size()
    .then((size) => file.read(0, size))
    .finally(() => file.close())
  const header = decodeHeader('done', bytes)
  const marks = [0, 1].map((at) => decodeMark(bytes, kHeaderBytes + at * kMarkBytes))
  const mark = marks.reduce((a, b) => ((b?.end ?? 0) > (a?.end ?? 0) ? b : a))
  const notes: Note[] = []
  for (let at = kNotesStart; at < bytes.length; at += kNoteBytes) {
    const note = decodeNote(bytes, at)
    if (note !== undefined) notes.push(note)
  }
  const noteBytes = Math.max(bytes.length - kNotesStart, 0)
  return { header: 'salt' in header ? header : undefined, mark, notes, noteBytes }
}

function settledOf({ notes }: Done, { records }: Mark): { readonly settled: Bits; readonly settledItems: number } {
  const settled = new Bits()
  let settledItems = 0
  for (const { index, items } of notes) if (index < records && settled.add(index)) settledItems += items
  return { settled, settledItems }
}

/** Notes whose header is lost are written anew: without it, nobody would know a next start where they belong. */
async function remake(
  disk: Disk,
  path: string,
  isThere: boolean,
  header: Header,
  mark: Mark,
  onError: (error: unknown) => void,
): Promise<Notes> {
  if (isThere) {
    const file = await disk.openFile(path, false)
    await file.write([encodeHeader('done', header)], 0)
    const size = await file.size()
    await file.close()
    const notes = new Notes(disk, path, kNotesStart + Math.ceil(Math.max(size - kNotesStart, 0) / 16) * 16, onError)
    await notes.mark(mark)
    return notes
  }
  const notes = await Notes.create(disk, path, header, onError)
  await notes.mark(mark)
  return notes
}

/** Makes the files of a new segment; what of them is there when that fails is removed. */
export async function createSegment(options: LoadOptions, number: number, durable: boolean): Promise<Segment> {
  const { disk, folder, onError } = options
  const header = { number, salt: randomInt(2 ** 32) }
  const path = join(folder, fileName(number, 'log'))
  const log = await disk.openFile(path, true)
  try {
    await log.write([encodeHeader('log', header)], 0)
    const notes = await Notes.create(disk, join(folder, fileName(number, 'done')), header, onError)
    if (durable) await disk.syncFolder(folder)
    const nothing = { records: 0, items: 0, end: kHeaderBytes, settled: new Bits(), settledItems: 0 }
    return new Segment(log, notes, { ...header, ...nothing, size: kHeaderBytes, sealed: false })
  } catch (error) {
    await log.close().catch(() => {})
    await disk.remove(path).catch(() => {})
    await disk.remove(join(folder, fileName(number, 'done'))).catch(() => {})
    throw error
  }
}
