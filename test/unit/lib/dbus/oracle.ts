import { createRequire } from 'node:module'

// Another implementation of the same protocol writes what ours reads, and reads what ours writes.

const require = createRequire(import.meta.url)
const root = require.resolve('dbus-next').replace(/index\.js$/, '')
const message = require(`${root}lib/message.js`) as {
  marshall(message: Message): [Buffer, unknown]
  unmarshalMessages(stream: unknown, onMessage: (message: Message) => void, options: object): void
}

/** Its forms of a variant and of a dictionary. */
export const variant = (signature: string, value: unknown): unknown => [signature, value]
export const dictionary = (of: Readonly<Record<string, unknown>>): unknown => Object.entries(of)

export interface Message {
  readonly type: number
  readonly serial: number
  readonly replySerial?: number
  readonly errorName?: string
  readonly path?: string
  readonly interface?: string
  readonly member?: string
  readonly destination?: string
  readonly sender?: string
  readonly signature?: string
  readonly body?: readonly unknown[]
}

export const written = (of: Message): Buffer => message.marshall(of)[0]

/** The one message that there is. */
export function readByOther(bytes: Buffer): Message {
  const found: Message[] = []
  let at = 0
  const read = (count: number): Buffer | null => {
    if (count > bytes.length - at) return null
    at += count
    return bytes.subarray(at - count, at)
  }
  const stream = { on: (_: string, readable: () => void) => readable(), read }
  message.unmarshalMessages(stream, (one) => found.push(one), { ayBuffer: true })
  if (found.length !== 1 || at !== bytes.length) throw new Error(`${found.length} messages in ${at} bytes`)
  return found[0]!
}

/** A METHOD_RETURN, as the bus passes it on. */
export const answer = (to: number, signature = '', body: readonly unknown[] = []): Buffer =>
  written({
    type: 2,
    serial: 7,
    replySerial: to,
    sender: ':1.0',
    destination: ':1.42',
    ...(signature === '' ? {} : { signature, body }),
  })

export const refusal = (to: number, errorName: string, text: string): Buffer =>
  written({ type: 3, serial: 8, replySerial: to, errorName, sender: ':1.0', signature: 's', body: [text] })
