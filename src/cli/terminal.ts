import { marked } from '../util/journal-stream.js'

/** Where a command writes. */
export interface Output {
  write(text: string): void
  readonly isTty: boolean
  /** Width in columns: what COLUMNS says, otherwise the terminal, as for systemctl; 80 where neither does. */
  readonly columns: number
  /** Colours are wanted: a terminal, NO_COLOR unset (no-color.org), TERM not `dumb`. */
  readonly color: boolean
  /** It is the journal, where errors are marked as such. */
  readonly isJournal?: boolean
}

/** Standard output carries what was asked for, standard error everything said about it. */
export interface Terminal {
  readonly out: Output
  readonly err: Output
}

type Env = Readonly<Record<string, string | undefined>>
type Stream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }

/** What keeps a command from doing what it was asked to. */
export function writeError(output: Output, text: string): void {
  output.write(output.isJournal === true ? marked('error', text) : text)
}

/** Wraps a stream of the process. */
export function outputOf(stream: Stream, env: Env, isJournal = false): Output {
  const isTty = stream.isTTY === true
  return {
    write: (text) => void stream.write(text),
    isTty,
    isJournal,
    get columns() {
      return columnsIn(env) ?? stream.columns ?? 80
    },
    color: isTty && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
  }
}

/** POSIX's COLUMNS, where it is a width. */
function columnsIn({ COLUMNS: text = '' }: Env): number | undefined {
  return /^[1-9]\d{0,3}$/.test(text) ? Number(text) : undefined
}
