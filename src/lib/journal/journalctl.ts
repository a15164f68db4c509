import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { Readable } from 'node:stream'

/** Where distributions put it; PATH is not asked, for it may be anybody's. The last is that of NixOS. */
const folders = ['/usr/bin', '/bin', '/usr/local/bin', '/run/current-system/sw/bin']

/** Of what it writes on standard error, the end is kept: its last words say why it ended. */
const kMaxStderr = 4096

/** Absolute path of journalctl, or undefined where it is not installed. */
export function findJournalctl(): string | undefined {
  return folders.map((folder) => `${folder}/journalctl`).find(isExecutable)
}

/** Which journal: that of this machine unless another place is named. */
export interface JournalSource {
  /** A folder of journal files. */
  readonly directory?: string
  /** Root of a file system that holds `var/log/journal` or `run/log/journal`. */
  readonly root?: string
  /** Journal namespace, as in LogNamespace= of a unit. */
  readonly namespace?: string
}

/** Which entries, as far as journalctl can choose; all parts must fit. */
export interface JournalQuery {
  /** Exact names, of which one must fit; none for all. */
  readonly units?: readonly string[]
  /** A level, which means it and all graver ones, or `from..to`. */
  readonly priority?: string
  /** `FIELD=value`; of several with one field one must fit. */
  readonly matches?: readonly string[]
  readonly identifiers?: readonly string[]
  /** Regular expression (PCRE2) for the message. */
  readonly grep?: string
}

/** Whether a query lets all entries pass. */
export function takesAll({ units = [], priority, matches = [], identifiers = [], grep }: JournalQuery): boolean {
  return units.length + matches.length + identifiers.length === 0 && priority === undefined && grep === undefined
}

/** The arguments that say which journal. */
export function sourceArgs({ directory, root, namespace }: JournalSource): string[] {
  return [
    ...(directory === undefined ? [] : [`--directory=${directory}`]),
    ...(root === undefined ? [] : [`--root=${root}`]),
    ...(namespace === undefined ? [] : [`--namespace=${namespace}`]),
  ]
}

/**
 * The arguments after the program's name. Each value is joined to its option or stands behind `--`, so that none can be
 * taken for an option.
 */
export function journalctlArgs(source: JournalSource, query: JournalQuery, more: readonly string[]): string[] {
  const { units = [], priority, matches = [], identifiers = [], grep } = query
  return [
    '--output=export',
    '--no-pager',
    ...sourceArgs(source),
    ...units.map((unit) => `--unit=${unit}`),
    ...(priority === undefined ? [] : [`--priority=${priority}`]),
    ...identifiers.map((identifier) => `--identifier=${identifier}`),
    ...(grep === undefined ? [] : [`--grep=${grep}`]),
    ...more,
    ...(matches.length === 0 ? [] : ['--', ...matches]),
  ]
}

export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Its last words on standard error. */
  readonly stderr: string
}

/** A running journalctl of our own. */
export class JournalctlProcess {
  readonly #child: ChildProcess
  #stderr = ''
  /** Resolves when it is gone and all it wrote has been read; never rejects. */
  readonly ended: Promise<Ending>

  /** @param onComplaint - told of each line it writes on standard error */
  constructor(program: string, argv: readonly string[], onComplaint: (line: string) => void = () => {}) {
    // Texts of errors are compared: in whatever language the machine speaks, here they are in one.
    const env = { LANG: 'C', LC_ALL: 'C', SYSTEMD_COLORS: '0', SYSTEMD_URLIFY: '0' }
    const child = spawn(program, [...argv], { stdio: ['ignore', 'pipe', 'pipe'], env, cwd: '/' })
    this.#child = child
    // First of all: without file descriptors there is no stream to listen to, and an error that nobody hears ends the agent.
    this.ended = new Promise((resolve) => {
      child.on('error', ({ message }) => resolve({ code: null, signal: null, stderr: message }))
      child.once('close', (code, signal) => resolve({ code, signal, stderr: this.#stderr.trim() }))
    })
    let line = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-kMaxStderr)
      const lines = (line + text).split('\n')
      line = lines.pop()!.slice(-kMaxStderr)
      for (const each of lines) if (each !== '') onComplaint(each.slice(0, kMaxStderr))
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get stderr(): string {
    return this.#stderr
  }

  /** What it writes; while nobody asks for the next chunk it is not read, and journalctl waits. */
  get output(): AsyncIterable<Buffer> {
    return this.#child.stdout ?? Readable.from([])
  }

  /** At once: it keeps nothing that it would have to put in order. */
  kill(): void {
    if (this.#child.pid === undefined) return // it was never started
    this.#child.kill('SIGKILL')
    this.#child.stdout?.destroy() // what was not read yet would keep `close` from coming
  }
}

/** In one line: `Failed to open /x: No such file or directory (exit code 1)`. */
export function describeEnding({ code, signal, stderr }: Ending): string {
  const how = signal !== null ? `killed by ${signal}` : code === null ? 'it could not be started' : `exit code ${code}`
  const said = stderr.replace(/\s*\n\s*/g, '; ').slice(-512)
  return said === '' ? how : `${said} (${how})`
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
