/** D-Bus specification, "Message Format". */
export const kProtocolVersion = 1
/** `l`: numbers are little-endian. */
export const kLittle = 0x6c
/** `B` */
export const kBig = 0x42
/** Up to the header fields, and with the length of these. */
export const kHeaderBytes = 16
/** Header and body together. */
export const kMaxMessageBytes = 128 * 1024 * 1024

export const kMessageTypes = { methodCall: 1, methodReturn: 2, error: 3 } as const

/** Codes of header fields. */
export const field = {
  path: 1,
  interface: 2,
  member: 3,
  errorName: 4,
  replySerial: 5,
  destination: 6,
  signature: 8,
} as const

/** The next multiple of `to`, a power of two. */
export function align(bytes: number, to = 8): number {
  return (bytes + to - 1) & -to
}
