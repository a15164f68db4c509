import type { SendResult } from '../../lib/delivery/sender.js'
import type { EncodedRequest } from '../../lib/otlp/encode.js'

/** A way to an OTLP server; connects by itself and again. */
export interface Channel {
  /** @param onSent - called once the server has taken it, when nothing here reads its bytes any more; not called else */
  export(request: EncodedRequest, signal: AbortSignal, onSent: () => void): Promise<SendResult>
  close(): void
}

/** Export answers are a few bytes; a server that sends more is not one. */
export const kMaxAnswerBytes = 64 * 1024
