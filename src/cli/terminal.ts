/** Where a command writes. */
export interface Output {
  write(text: string): void
  readonly isTty: boolean
  /** Width in columns; 80 where it is unknown. */
  readonly columns: number
  /** Colours are wanted: a terminal, NO_COLOR unset (no-color.org), TERM not `dumb`. */
  readonly color: boolean
}

/** Standard output carries what was asked for, standard error everything said about it. */
export interface Terminal {
  readonly out: Output
  readonly err: Output
}

type Env = Readonly<Record<string, string | undefined>>
type Stream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }

/** Wraps a stream of the process. */
export function outputOf(stream: Stream, env: Env): Output {
  const isTty = stream.isTTY === true
  return {
    write: (text) => void stream.write(text),
    isTty,
    get columns() {
      return stream.columns ?? 80
    },
    color: isTty && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
  }
}
