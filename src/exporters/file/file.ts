import type { Exporter, Host, Settings } from '../../component/component.js'
import { type Outcome, ok, permanent, retryable } from '../../component/outcome.js'
import { type Batch, type Items, isEmpty, itemsOf } from '../../data/batch.js'
import { checkIds } from '../../lib/otlp/ids.js'
import { otlpJsonLines } from '../../lib/otlp/json.js'
import { agentScope } from '../../lib/otlp/scope.js'
import type { Config } from './config.js'
import { LineFile } from './line-file.js'
import { RotatedFiles } from './rotated-files.js'
import { Tidying } from './tidying.js'

/** Answers `ok` when the lines are written (and synced, with `fsync`); a full disk makes the pipeline wait. */
export function createFileExporter(settings: Settings, config: Config): Exporter {
  return new FileExporter(settings, config)
}

/** How long a pipeline waits before it offers a batch again: a full disk is rarely emptied sooner. */
const kRetryAfterMs = 1000
/** Errors that no retry heals within this run; everything else (ENOSPC, EDQUOT, EIO, EROFS) may pass. */
const neverHeals: ReadonlySet<string> = new Set(['ELOOP', 'EISDIR', 'ENOTREG', 'ENXIO'])

type State =
  | { readonly kind: 'new' | 'stopped' }
  | { readonly kind: 'ok'; readonly host: Host }
  | { readonly kind: 'degraded'; readonly host: Host; readonly code: string }

class FileExporter implements Exporter {
  readonly #settings: Settings
  readonly #file: LineFile
  readonly #tidying: Tidying
  readonly #path: string
  readonly #invalidIds: (add: number) => void
  #state: State = { kind: 'new' }
  /** Writes happen one after the other. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(settings: Settings, { path, max_size, max_files, max_age, compression, fsync }: Config) {
    this.#settings = settings
    this.#path = path
    this.#invalidIds = settings.telemetry.counter('invalid_ids', 'Trace and span IDs left out: they are none')
    const { telemetry, clock, logger } = settings
    const rotations = telemetry.counter('rotations', 'Times the file was full, and renamed or emptied')
    const removed = telemetry.counter('files_removed', 'Renamed files deleted for their number or age')
    const rotated = new RotatedFiles({
      path,
      maxFiles: max_files,
      maxAgeMs: max_age,
      gzip: compression === 'gzip',
      unixMs: () => Number(clock.unixNano() / 1_000_000n),
      onRemoved: () => removed(1),
    })
    this.#tidying = new Tidying(
      clock,
      (signal) => rotated.tidy(signal),
      (error) => {
        telemetry.error('tidy_failed')
        logger.warn('old files cannot be compressed or deleted; trying again', { path, reason: error.message })
      },
    )
    const rotate = (): Promise<void> => this.#tidying.pausedFor(() => rotated.shift())
    this.#file = new LineFile({
      path,
      maxBytes: max_size,
      fsync,
      rotate: max_files === 0 ? undefined : rotate,
      onRotated: () => rotations(1),
    })
  }

  async start(host: Host): Promise<void> {
    let cutBytes: number
    try {
      cutBytes = await this.#file.open()
    } catch (error) {
      throw new Error(openTrouble(this.#path, error as NodeJS.ErrnoException), { cause: error })
    }
    if (cutBytes > 0)
      this.#settings.logger.warn('cut off a half line that an earlier run left', { path: this.#path, cutBytes })
    this.#tidying.start()
    this.#state = { kind: 'ok', host }
    host.report({ state: 'ok' })
  }

  consume(batch: Batch): Promise<Outcome> {
    const next = this.#last.then(() => this.#write(batch))
    // What it rejects with (a bug) is for this caller only; the next batch may be fine, and the file is to be closed.
    this.#last = next.catch(() => {})
    return next
  }

  async shutdown(): Promise<void> {
    await this.#last
    this.#state = { kind: 'stopped' }
    await Promise.all([this.#tidying.stop(), this.#file.close()])
  }

  async #write(batch: Batch): Promise<Outcome> {
    if (isEmpty(batch)) return ok
    if (this.#state.kind === 'new' || this.#state.kind === 'stopped') return retryable('the file is not open')
    const startMs = this.#settings.clock.monotonicMs()
    const { batch: fit, omitted, lostSpans } = checkIds(batch)
    const lines = otlpJsonLines(fit, agentScope())
    try {
      if (lines.length > 0) await this.#file.append(Buffer.from(`${lines.join('\n')}\n`))
    } catch (error) {
      return this.#failed(error as NodeJS.ErrnoException, itemsOf(batch))
    }
    const { telemetry, clock } = this.#settings
    telemetry.processed(itemsOf(fit))
    if (lostSpans > 0) telemetry.dropped({ traces: lostSpans }, 'invalid_id')
    if (omitted > 0) this.#invalidIds(omitted)
    telemetry.durationMs(clock.monotonicMs() - startMs)
    this.#healthy()
    return ok
  }

  #failed(error: NodeJS.ErrnoException, items: Items): Outcome {
    const code = error.code ?? 'error'
    const { telemetry } = this.#settings
    telemetry.error(code.toLowerCase())
    const lost = neverHeals.has(code)
    // Who answers `permanent` has counted the loss (decision 0060).
    if (lost) telemetry.dropped(items, 'permanent')
    const state = this.#state
    if (state.kind === 'ok' || (state.kind === 'degraded' && state.code !== code)) {
      const what = lost ? 'data is dropped' : 'trying again until it works'
      const reason = `${this.#path} cannot be written: ${explain(code) ?? error.message}; ${what}`
      this.#state = { kind: 'degraded', host: state.host, code }
      state.host.report({ state: 'degraded', reason })
    }
    return lost ? permanent(`${this.#path}: ${code}`) : retryable(`${this.#path}: ${code}`, kRetryAfterMs)
  }

  #healthy(): void {
    const state = this.#state
    if (state.kind !== 'degraded') return
    this.#state = { kind: 'ok', host: state.host }
    state.host.report({ state: 'ok' })
  }
}

function explain(code: string): string | undefined {
  const texts: Readonly<Record<string, string>> = {
    ENOSPC: 'no space left on the disk',
    EDQUOT: 'the disk quota is used up',
    EFBIG: 'the file size limit (ulimit -f) is reached',
    EROFS: 'the file system is read-only',
    EACCES: 'no permission',
    EIO: 'the disk reports an input/output error',
  }
  return texts[code]
}

function openTrouble(path: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ELOOP':
      return `${path} is a symbolic link; name the real file (links are not followed)`
    case 'ENOENT':
      return `the folder of ${path} does not exist; create it first`
    case 'EISDIR':
    case 'ENOTREG':
    case 'ENXIO':
      return `${path} is not a regular file`
    default:
      return `${path} cannot be opened: ${explain(error.code ?? '') ?? error.message}`
  }
}
