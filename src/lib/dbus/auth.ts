/** One line decides, and the server is cut off where it has no end: `OK` and a GUID are 38 bytes. */
const kMaxLineBytes = 16 * 1024

/**
 * What a client writes first: SASL EXTERNAL as `uid`, and BEGIN, which need not wait for OK, since EXTERNAL has one round.
 * Messages must not travel in the same write: systemd leaves those lying that it reads together with BEGIN.
 */
export function authRequest(uid: number): string {
  return `\0AUTH EXTERNAL ${Buffer.from(String(uid)).toString('hex')}\r\nBEGIN\r\n`
}

/** Reads the server's side of the handshake, whatever the chunks. */
export class AuthReader {
  #line = ''

  /**
   * @returns what comes after the handshake; undefined as long as it is not over; or why nobody is let in
   */
  feed(chunk: Buffer): Buffer | undefined | string {
    const end = chunk.indexOf('\n')
    this.#line += chunk.toString('latin1', 0, end < 0 ? chunk.length : end + 1)
    if (this.#line.length > kMaxLineBytes) return 'line_too_long'
    if (end < 0) return undefined
    if (/^OK [0-9a-fA-F]{32}\r\n$/.test(this.#line)) return chunk.subarray(end + 1)
    const [, word] = /^(REJECTED|ERROR)\b/.exec(this.#line) ?? []
    return word?.toLowerCase() ?? 'unexpected'
  }
}
