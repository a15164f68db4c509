import { bytesField, intField, readFields } from './protobuf-reader.js'

/** What the receiver did not take though it answered OK (opentelemetry-proto, `*PartialSuccess`). */
export interface PartialSuccess {
  readonly rejected: number
  readonly message: string
}

/** Server texts reach logs; a page of HTML must not. */
const kMaxMessage = 512
/** Longer waits are a server's mistake: an hour-long pause would look like a hang. */
export const kMaxRetryDelayMs = 10 * 60_000

/**
 * Reads `partial_success` of an Export*ServiceResponse; the three signals share field numbers. Undefined when the whole
 * request was taken, and for an answer that does not parse: the status was OK, so nothing is known to be lost.
 *
 * @param cleaned - takes out of the whole text what must not be told: of a secret that the cut halves, the rest would stay
 */
export function readPartialSuccess(
  response: Uint8Array,
  cleaned: (text: string) => string = (text) => text,
): PartialSuccess | undefined {
  const outer = readFields(response)
  const inner = outer && bytesField(outer, 1)
  const fields = inner && readFields(inner)
  if (fields === undefined) return undefined
  const rejected = Number(intField(fields, 1))
  const message = cleaned(utf8Of(bytesField(fields, 2))).slice(0, kMaxMessage)
  if (rejected <= 0 && message === '') return undefined
  return { rejected: Math.max(rejected, 0), message }
}

/** The same of OTLP/JSON: `{"partialSuccess":{"rejectedSpans":"3","errorMessage":"..."}}`. */
export function readPartialSuccessJson(
  response: Uint8Array,
  cleaned: (text: string) => string = (text) => text,
): PartialSuccess | undefined {
  const partial = objectOf(objectOf(parsed(response))?.['partialSuccess'])
  if (partial === undefined) return undefined
  const { errorMessage } = partial
  const count = Number(Object.entries(partial).find(([key]) => key.startsWith('rejected'))?.[1] ?? 0)
  const rejected = Number.isSafeInteger(count) && count > 0 ? count : 0
  const message = typeof errorMessage === 'string' ? cleaned(errorMessage).slice(0, kMaxMessage) : ''
  return rejected === 0 && message === '' ? undefined : { rejected, message }
}

/** The text of a google.rpc.Status; '' when there is none. */
export function readStatusMessage(status: Uint8Array): string {
  const fields = readFields(status)
  return fields === undefined ? '' : utf8Of(bytesField(fields, 2))
}

export function readStatusMessageJson(status: Uint8Array): string {
  const message = objectOf(parsed(status))?.['message']
  return typeof message === 'string' ? message : ''
}

function parsed(json: Uint8Array): unknown {
  try {
    return JSON.parse(utf8Of(json))
  } catch {
    return undefined
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined
}

/**
 * Reads RetryInfo out of a `grpc-status-details-bin` value (google.rpc.Status with details).
 *
 * @returns how long the server asks to wait in milliseconds, at most ten minutes; undefined when it does not say
 */
export function readRetryDelayMs(statusDetails: Uint8Array): number | undefined {
  for (const detail of readFields(statusDetails) ?? []) {
    if (detail.number !== 3 || typeof detail.value === 'bigint') continue
    const any = readFields(detail.value)
    if (any === undefined || utf8Of(bytesField(any, 1)) !== 'type.googleapis.com/google.rpc.RetryInfo') continue
    const info = readFields(bytesField(any, 2) ?? new Uint8Array())
    if (info === undefined) continue
    const delay = readFields(bytesField(info, 1) ?? new Uint8Array()) ?? []
    const ms = Number(intField(delay, 1)) * 1000 + Number(intField(delay, 2)) / 1e6
    return Math.min(Math.max(Math.ceil(ms), 0), kMaxRetryDelayMs)
  }
  return undefined
}

function utf8Of(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : Buffer.from(bytes).toString('utf8')
}
