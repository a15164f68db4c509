/** A cursor as journald writes them: `s=...;i=...;b=...;m=...;t=...;x=...`, hexadecimal. */
const form = /^[a-z]=[0-9a-f]+(?:;[a-z]=[0-9a-f]+)*$/

/** systemd's are of some 140 characters. */
const kMaxLength = 512

/** Whether a text read from disk may be handed to journalctl as a cursor. */
export function isCursor(text: unknown): text is string {
  return typeof text === 'string' && text.length <= kMaxLength && form.test(text)
}

/** The entry's time in a cursor, microseconds since 1970; undefined where it holds none. */
export function cursorUsec(cursor: string): number | undefined {
  const hex = /(?:^|;)t=([0-9a-f]{1,13})(?:;|$)/.exec(cursor)?.[1]
  return hex === undefined ? undefined : Number.parseInt(hex, 16)
}
