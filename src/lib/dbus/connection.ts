import { connect as connectSocket, type Socket } from 'node:net'
import type { Clock, Timer } from '../../util/clock.js'
import { AuthReader, authRequest } from './auth.js'
import type { MethodCall } from './call.js'
import { Framer } from './framer.js'
import { parseReply, type Reply } from './reply.js'
import { WireError } from './wire-reader.js'

/** A call failed: the bus or who is called is gone, hangs, or refused. */
export class CallError extends Error {
  override readonly name = 'CallError'
  /** D-Bus error name, where the call was answered with one. */
  readonly dbusName: string | undefined
  constructor(message: string, dbusName?: string) {
    super(message)
    this.dbusName = dbusName
  }
}

export interface ConnectionOptions {
  /** Of a unix socket; an abstract one begins with NUL. */
  readonly socketPath: string
  readonly uid: number
  readonly timeoutMs: number
  readonly clock: Clock
}

interface Pending {
  readonly member: string
  readonly deadlineMs: number
  readonly resolve: (body: readonly unknown[]) => void
  readonly reject: (error: CallError) => void
}

/** How the kernel says that the other end is gone, where it is met by a write. */
const hungUp: ReadonlySet<string | undefined> = new Set(['EPIPE', 'ECONNRESET'])
const kHungUp = 'the bus closed the connection'

/** The receiver has 96 calls on their way, 22 KB: a bus that is so far behind reads nothing, and what it was asked is over long since. */
const kMaxUnsentBytes = 1024 * 1024

/** What calls of one turn of the event loop are written to; grows where they are more. */
const kWriteBytes = 16 * 1024

/**
 * Calls methods over one connection, and nothing else: signals that come are left unread, calls of others unanswered.
 *
 * At most a megabyte waits to be sent. Every call ends within `timeoutMs`, and all pending ones fail at once when the connection ends. Calls that are made
 * together are written together.
 */
export class Connection {
  /** Resolves with the reason once the connection is over; never rejects. */
  readonly closed: Promise<string>
  readonly #socket: Socket
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #auth = new AuthReader()
  readonly #framer = new Framer()
  /** In the order of their deadlines. */
  readonly #pending = new Map<number, Pending>()
  #letIn = false
  #serial = 0
  #out = Buffer.allocUnsafeSlow(kWriteBytes)
  #outBytes = 0
  #flushing = false
  #timer: Timer | undefined
  #end!: (reason: string) => void
  /** Why it is over. */
  #over: string | undefined

  constructor({ socketPath, uid, timeoutMs, clock }: ConnectionOptions) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.closed = new Promise((resolve) => {
      this.#end = resolve
    })
    this.#socket = connectSocket(socketPath)
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      this.close(hungUp.has(error.code) ? kHungUp : error.message)
    })
    this.#socket.on('close', () => this.close(kHungUp))
    this.#socket.on('data', (chunk) => this.#read(chunk))
    this.#socket.write(authRequest(uid))
  }

  /**
   * @param path - of the object, ASCII
   * @returns what the answer holds
   * @throws {CallError}
   */
  call(method: MethodCall, path: string): Promise<readonly unknown[]> {
    return new Promise((resolve, reject) => {
      const { member } = method
      if (this.#over !== undefined) return reject(new CallError(this.#over))
      if (this.#outBytes + this.#socket.writableLength > kMaxUnsentBytes)
        return reject(new CallError(`${member}: the bus does not read what it is asked`))
      // 0 is none, and after 2^32 it begins anew.
      this.#serial = this.#serial === 0xffffffff ? 1 : this.#serial + 1
      this.#write(method, path, this.#serial)
      const deadlineMs = this.#clock.monotonicMs() + this.#timeoutMs
      this.#pending.set(this.#serial, { member, deadlineMs, resolve, reject })
      this.#timer ??= this.#clock.after(this.#timeoutMs, () => this.#expire())
    })
  }

  close(reason: string): void {
    if (this.#over !== undefined) return
    this.#over = reason
    this.#timer?.cancel()
    for (const { reject } of this.#pending.values()) reject(new CallError(reason))
    this.#pending.clear()
    this.#socket.destroy()
    this.#end(reason)
  }

  #write(method: MethodCall, path: string, serial: number): void {
    const size = method.size(path)
    if (this.#outBytes + size > this.#out.length) {
      const larger = Buffer.allocUnsafeSlow(2 * (this.#outBytes + size))
      this.#out.copy(larger, 0, 0, this.#outBytes)
      this.#out = larger
    }
    method.write(this.#out, this.#outBytes, serial, path)
    this.#outBytes += size
    this.#flushLater()
  }

  /** After all that goes on in this turn: an answer that is awaited makes others ask as well. */
  #flushLater(): void {
    if (this.#flushing || !this.#letIn) return
    this.#flushing = true
    process.nextTick(() => {
      this.#flushing = false
      if (this.#over !== undefined || this.#outBytes === 0) return
      this.#socket.write(Buffer.from(this.#out.subarray(0, this.#outBytes)))
      this.#outBytes = 0
    })
  }

  /** @returns what is no part of the handshake */
  #admit(chunk: Buffer): Buffer | undefined {
    if (this.#letIn) return chunk
    const rest = this.#auth.feed(chunk)
    if (typeof rest === 'string') {
      this.close(`authentication failed: ${rest}`)
      return undefined
    }
    if (rest === undefined) return undefined
    this.#letIn = true
    this.#flushLater()
    return rest
  }

  #read(chunk: Buffer): void {
    const bytes = this.#over === undefined ? this.#admit(chunk) : undefined
    if (bytes === undefined) return
    try {
      for (const message of this.#framer.feed(bytes)) {
        const reply = parseReply(message)
        if (reply !== undefined) this.#settle(reply)
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      this.close(`the bus sent a malformed message: ${error.message}`)
    }
  }

  #settle({ serial, error, body }: Reply): void {
    const pending = this.#pending.get(serial)
    if (pending === undefined) return // it came too late
    this.#pending.delete(serial)
    if (error === undefined) {
      pending.resolve(body)
    } else {
      const text = typeof body[0] === 'string' ? body[0] : error
      pending.reject(new CallError(`${pending.member}: ${text}`, error))
    }
  }

  #expire(): void {
    this.#timer = undefined
    const nowMs = this.#clock.monotonicMs()
    for (const [serial, { member, deadlineMs, reject }] of this.#pending) {
      if (deadlineMs > nowMs) {
        this.#timer = this.#clock.after(deadlineMs - nowMs, () => this.#expire())
        return
      }
      this.#pending.delete(serial)
      reject(new CallError(`${member}: no answer within ${this.#timeoutMs / 1000} s`))
    }
  }
}
