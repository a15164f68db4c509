import { crc32 } from 'node:zlib'
import { reasonOf } from '../../config/sources.js'
import { ByteSource } from './byte-source.js'
import {
  checkHeader,
  decodeFrame,
  type Frame,
  kFrameHeadBytes,
  kHeaderBytes,
  kMaxFrameBytes,
  RecordingError,
} from './format.js'

/** A recording opened for reading, one frame in memory at a time. Its errors name the file and the byte. */
export class RecordingReader {
  readonly #path: string
  readonly #source: ByteSource
  #next: 'snapshot' | 'signals' | 'nothing' = 'snapshot'
  #truncatedAt: number | undefined

  private constructor(path: string, source: ByteSource) {
    this.#path = path
    this.#source = source
  }

  /**
   * Opens a recording and checks that it is one.
   *
   * @throws {RecordingError} for anything else than a readable recording
   */
  static async open(path: string): Promise<RecordingReader> {
    let source: ByteSource | undefined
    try {
      source = await ByteSource.open(path)
      checkHeader(await source.read(kHeaderBytes))
      return new RecordingReader(path, source)
    } catch (error) {
      await source?.close()
      // Of the system's words the path, which they end with, would be there twice.
      if (error instanceof Error && 'syscall' in error) throw new RecordingError(`${path} ${reasonOf(error)}`)
      throw new RecordingError(`${path}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  /** Set once the file has ended without an end frame: its size. The recorder was killed, or the copy is not whole. */
  get truncatedAt(): number | undefined {
    return this.#truncatedAt
  }

  /**
   * The next frame; undefined at the end of the file.
   *
   * @throws {RecordingError} when the file is damaged; nothing can be read past it
   */
  async next(): Promise<Frame | undefined> {
    const start = this.#source.position
    try {
      const frame = await this.#frame()
      if (frame === undefined && this.#next !== 'nothing') this.#truncatedAt = this.#source.position
      return frame
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new RecordingError(`${this.#path}: the recording is damaged at byte ${start}: ${reason}`)
    }
  }

  async close(): Promise<void> {
    await this.#source.close()
  }

  async #frame(): Promise<Frame | undefined> {
    const head = await this.#source.read(kFrameHeadBytes)
    if (this.#next === 'nothing') {
      if (head.length > 0) throw new RecordingError('there is more after its end')
      return undefined
    }
    if (head.length < kFrameHeadBytes) return undefined
    const length = head.readUInt32LE(4)
    if (length > kMaxFrameBytes) throw new RecordingError(`a frame claims to have ${length} bytes`)
    const payload = await this.#source.read(length)
    if (payload.length < length) return undefined
    if (crc32(payload) !== head.readUInt32LE(8)) throw new RecordingError('the checksum is wrong')
    const frame = decodeFrame(head.readUInt32LE(0), payload)
    if ((frame.kind === 'snapshot') !== (this.#next === 'snapshot'))
      throw new RecordingError(`a ${frame.kind} is out of place: a recording has one snapshot, at its beginning`)
    this.#next = frame.kind === 'end' ? 'nothing' : 'signals'
    return frame
  }
}
