import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Signal } from '../../../src/data/batch.js'
import type { StatusName } from '../../../src/lib/grpc/status.js'

type Protocol = 'grpc' | 'http'

/** What the backend does with a request. `delayMs`: so long after it has counted it. */
export type Answer = { readonly delayMs?: number } & (
  | { readonly kind: 'ok' }
  /** Takes all but the first `rejected` items, or but those whose payload has `rejecting` in it, and says how many. */
  | { readonly kind: 'partial'; readonly rejected?: number; readonly rejecting?: string; readonly message?: string }
  /**
   * Takes nothing. UNAVAILABLE and 503 if nothing else is said; `retryAfterMs` goes as RetryInfo over gRPC, and as
   * Retry-After over HTTP: in whole seconds, `asDate` as a date.
   */
  | {
      readonly kind: 'status'
      readonly grpc?: StatusName
      readonly http?: number
      readonly message?: string
      readonly retryAfterMs?: number
      readonly asDate?: boolean
    }
  /** HTTP only: anything at all, such as a redirect or a proxy's page. */
  | {
      readonly kind: 'page'
      readonly http: number
      readonly contentType?: string
      readonly body?: string
      readonly headers?: Readonly<Record<string, string>>
    }
  /** The connection is reset (RST) instead of an answer; `taken`: the items count all the same, their reply is lost. */
  | { readonly kind: 'reset'; readonly taken?: boolean }
  /** Never answers. */
  | { readonly kind: 'hang'; readonly taken?: boolean }
)

export interface Rule {
  /** All that is given must fit; `first` and `afterFirst` count requests since this script came, `forMs` is since then, too. */
  readonly when?: {
    readonly signal?: Signal
    readonly protocol?: Protocol
    readonly first?: number
    readonly afterFirst?: number
    readonly forMs?: number
    /** One of its items has this in its payload (a body, a name, a value). */
    readonly containing?: string
    readonly probability?: number
  }
  readonly answer: Answer
}

/** Rules in order, the first that fits decides; what none fits is taken. The same seed and order give the same answers. */
export interface Script {
  readonly seed?: number
  readonly rules: readonly Rule[]
}

/** What has arrived of the items with one `oracle.run` (marks.mjs). */
export interface RunReport {
  /** One more than the highest `oracle.seq` seen. */
  readonly end: number
  readonly distinct: number
  /** Arrivals of what was there already. */
  readonly duplicates: number
  /** Items whose payload is not what it was when they were marked; in no other number. */
  readonly damaged: number
  /** The first of those below `end` that are missing. */
  readonly missing: readonly number[]
}

export interface Try {
  /** Milliseconds since 1970, when it had arrived whole. */
  readonly atMs: number
  readonly protocol: Protocol
  readonly signal: Signal
  /** Decompressed. */
  readonly bytes: number
  readonly items: number
  readonly taken: number
  readonly answer: Answer['kind']
}

export interface Report {
  readonly runs: Readonly<Record<string, RunReport>>
  /** Items without marks. */
  readonly unmarked: number
  readonly tries: number
  /** The newest 20,000, oldest first. */
  readonly lastTries: readonly Try[]
  /** Of the last try. */
  readonly headers: Readonly<Record<string, unknown>>
  /** Connections accepted so far, of both protocols, and open now. */
  readonly accepted: number
  readonly open: number
}

export interface BackendOptions {
  /** PEM files; with `caFile` it wants a client certificate. Read again at `up`. */
  readonly tls?: { readonly keyFile: string; readonly certFile: string; readonly caFile?: string }
  /** Path above /v1/logs. */
  readonly pathPrefix?: string
  /** Where it listens; 127.0.0.1 when left out. */
  readonly host?: string
}

/** An OTLP server in a process of its own. README.md shows its use. */
export interface OtlpBackend {
  readonly pid: number
  /** `127.0.0.1:port`. */
  readonly grpc: string
  readonly http: string
  script(script: Script): Promise<void>
  report(): Promise<Report>
  /** Of one run; zeros before anything of it came. */
  run(name: string): Promise<RunReport>
  /** Looks every 20 ms until the condition holds. @throws Error, with the report, when it does not in time */
  until(what: string, holds: (report: Report) => boolean, timeoutMs?: number): Promise<Report>
  /** Closes its ports and all connections; what it knows stays. */
  down(): Promise<void>
  /** Listens again, on the same ports. */
  up(): Promise<void>
  /** SIGSTOP: the kernel still accepts connections and data, nobody answers. No other call returns until `thaw`. */
  freeze(): void
  thaw(): void
  /** Ends the process; also after `freeze`. */
  stop(): Promise<void>
}

const kNothing: RunReport = { end: 0, distinct: 0, duplicates: 0, damaged: 0, missing: [] }

/** @param around - what it runs behind (`nsenter ...`) */
export async function startOtlpBackend(
  options: BackendOptions = {},
  around: readonly string[] = [],
): Promise<OtlpBackend> {
  const main = fileURLToPath(new URL('./main.mjs', import.meta.url))
  const [execPath = process.execPath, ...execArgv] = [...around, process.execPath]
  const child = fork(main, [JSON.stringify(options)], {
    execPath,
    execArgv,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const host = options.host ?? '127.0.0.1'
  const calls = new Calls(child)
  const ports = (await calls.answer(0)) as Readonly<Record<Protocol, number>>
  const report = async (): Promise<Report> => (await calls.call('report')) as Report
  return {
    pid: child.pid!,
    grpc: `${host}:${ports.grpc}`,
    http: `${host}:${ports.http}`,
    script: async (script) => void (await calls.call('script', script)),
    report,
    run: async (name) => (await report()).runs[name] ?? kNothing,
    async until(what, holds, timeoutMs = 60_000) {
      const endMs = performance.now() + timeoutMs
      for (;;) {
        const now = await report()
        if (holds(now)) return now
        if (performance.now() > endMs) {
          const seen = JSON.stringify({ ...now, lastTries: now.lastTries.slice(-5), headers: undefined })
          throw new Error(`waited ${timeoutMs} ms in vain for ${what}: ${seen}`)
        }
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    down: async () => void (await calls.call('down')),
    up: async () => void (await calls.call('up')),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** Questions to the process, and its answers. */
class Calls {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  #stderr = ''
  #last = 0

  constructor(child: ChildProcess) {
    this.#child = child
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-4096)
    })
    child.on('message', ({ id, result }: { id: number; result: unknown }) => {
      this.#waiting.get(id)?.resolve(result)
      this.#waiting.delete(id)
    })
    child.once('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the backend ended: ${this.#stderr}`))
      this.#waiting.clear()
    })
  }

  call(command: string, argument?: unknown): Promise<unknown> {
    const id = ++this.#last
    const answer = this.answer(id)
    this.#child.send({ id, command, argument })
    return answer
  }

  answer(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
  }
}
