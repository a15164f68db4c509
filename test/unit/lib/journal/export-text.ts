/** Bytes of the journal export format, as systemd.io/JOURNAL_EXPORT_FORMATS writes them. */
export function text(name: string, value: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${name}=`), Buffer.from(value), Buffer.from('\n')])
}

/** @param length - what the length field says; left out, the truth */
export function binary(name: string, value: string | Buffer, length?: bigint): Buffer {
  const bytes = Buffer.from(value)
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(length ?? BigInt(bytes.length))
  return Buffer.concat([Buffer.from(`${name}\n`), size, bytes, Buffer.from('\n')])
}

/** Entry `n`, with what every entry begins with. */
export function entry(n: number, ...fields: readonly Buffer[]): Buffer {
  const head = [text('__CURSOR', cursor(n)), text('__REALTIME_TIMESTAMP', String(1_700_000_000_000_000 + n))]
  return Buffer.concat([...head, ...fields, Buffer.from('\n')])
}

export const cursor = (n: number): string => `s=ab;i=${n.toString(16)};t=60a24181e4000`
