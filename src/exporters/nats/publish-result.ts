import type { SendResult } from '../../lib/delivery/sender.js'

/** Of nats-server's server/errors.json: what will be the same each time. */
const finalCodes: ReadonlySet<number> = new Set([
  10_054, // message size exceeds maximum allowed
  10_060, // expected stream does not match
])
/** The stream is full: a gateway has to fetch first. */
const fullCodes: ReadonlySet<number> = new Set([10_047, 10_077])

const kMaxDetails = 200

/** Whether nobody took it: no stream has the subject. The client says then that there is no JetStream, for to it that looks the same. */
export function isUnheard(error: unknown): boolean {
  return (error as { name?: string }).name === 'JetStreamNotEnabled'
}

/**
 * What a publishing that failed means. Nearly all of it passes: servers restart, leaders change, streams are emptied.
 *
 * @param servers - as `serversText` names them
 */
export function resultOfError(error: unknown, servers: string): SendResult {
  const { name, code, message } = error as { name?: string; code?: unknown; message?: string }
  const said = (message ?? '').replace(/\s+/g, ' ').slice(0, kMaxDetails)
  const reason = `${name ?? 'Error'}: ${said} (${servers})`
  if (typeof code === 'number' && finalCodes.has(code)) return { kind: 'permanent', reason }
  if (name === 'InvalidArgumentError')
    return { kind: 'permanent', reason: `${reason} (max_message_size is above the server's max_payload)` }
  if (typeof code === 'number' && fullCodes.has(code))
    return { kind: 'retryable', reason: `the stream is full; ${reason}` }
  return { kind: 'retryable', reason }
}

/** What came of it, or that it was given up. Leaves nothing on the signal, which is one for all tries of a message. */
export async function unlessAborted(published: Promise<SendResult>, signal: AbortSignal): Promise<SendResult> {
  if (signal.aborted) return givenUp
  let give = (): void => {}
  const aborted = new Promise<SendResult>((resolve) => {
    give = () => resolve(givenUp)
  })
  signal.addEventListener('abort', give)
  try {
    return await Promise.race([published, aborted])
  } finally {
    signal.removeEventListener('abort', give)
  }
}

const givenUp = { kind: 'retryable', reason: 'given up' } as const satisfies SendResult
