import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import {
  checkHeader,
  decodeFrame,
  type Frame,
  kFrameHeadBytes,
  kHeaderBytes,
  kMaxFrameBytes,
  RecordingError,
} from './format.js'

/** A recording opened for reading, one frame in memory at a time. */
export class RecordingReader {
  readonly #file: FileHandle
  #position = kHeaderBytes
  #truncatedAt: number | undefined

  private constructor(file: FileHandle) {
    this.#file = file
  }

  /**
   * Opens a recording and checks that it is one.
   *
   * @throws {RecordingError} for anything else than a readable recording, naming the path
   */
  static async open(path: string): Promise<RecordingReader> {
    let file: FileHandle | undefined
    try {
      file = await open(path, 'r')
      const header = Buffer.alloc(kHeaderBytes)
      const { bytesRead } = await file.read(header, 0, kHeaderBytes, 0)
      checkHeader(header.subarray(0, bytesRead))
      return new RecordingReader(file)
    } catch (error) {
      await file?.close()
      throw new RecordingError(`${path}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  /** Where the file ends inside a frame, in bytes: the recorder was killed, or the copy is not whole. */
  get truncatedAt(): number | undefined {
    return this.#truncatedAt
  }

  /** The next frame; undefined at the end of the file. */
  async next(): Promise<Frame | undefined> {
    const head = await this.#read(kFrameHeadBytes)
    if (head === undefined) return undefined
    const length = head.readUInt32LE(4)
    if (length > kMaxFrameBytes) throw new RecordingError(`a frame claims ${length} bytes: the file is damaged`)
    const start = this.#position
    const payload = await this.#read(length)
    if (payload === undefined) {
      this.#truncatedAt ??= start
      return undefined
    }
    if (crc32(payload) !== head.readUInt32LE(8))
      throw new RecordingError(`the frame at byte ${start} has a wrong checksum: the file is damaged`)
    return decodeFrame(head.readUInt32LE(0), payload)
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  async #read(length: number): Promise<Buffer | undefined> {
    const buffer = Buffer.alloc(length)
    let filled = 0
    while (filled < length) {
      const { bytesRead } = await this.#file.read(buffer, filled, length - filled, this.#position + filled)
      if (bytesRead === 0) {
        if (filled > 0) this.#truncatedAt = this.#position + filled
        return undefined
      }
      filled += bytesRead
    }
    this.#position += length
    return buffer
  }
}
