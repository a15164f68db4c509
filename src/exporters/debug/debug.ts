import { isatty } from 'node:tty'
import type { Exporter, Host, Settings } from '../../component/component.js'
import { type Outcome, ok } from '../../component/outcome.js'
import { type Batch, itemsOf } from '../../data/batch.js'
import { Tally, without } from '../../data/tally.js'
import { type BoundedWriter, createBoundedWriter, type WriteBytes } from '../../lib/terminal/bounded-writer.js'
import { openFdSink } from '../../lib/terminal/fd-sink.js'
import { ansi, plain, wantsColor } from '../../lib/terminal/style.js'
import type { Config } from './config.js'
import { createFormatter, type Formatter } from './format.js'

/** Where lines go. Tests pass their own; the agent's is standard output or error. */
export interface Screen {
  readonly write: WriteBytes
  readonly color: boolean
  close(): Promise<void>
}

/** Shows records as text. Never waits for the screen and never refuses a batch. */
export function createDebugExporter(
  settings: Settings,
  config: Config,
  openScreen: () => Promise<Screen> = () => standardScreen(settings, config),
): Exporter {
  return new DebugExporter(settings, config, openScreen)
}

/** How long a stopping agent waits for a slow terminal: a stopped one must not hold up the shutdown. */
const kCloseMs = 1000

type State =
  | { readonly kind: 'new' | 'stopped' }
  | { readonly kind: 'open'; readonly screen: Screen; readonly writer: BoundedWriter; readonly format: Formatter }

class DebugExporter implements Exporter {
  readonly #settings: Settings
  readonly #config: Config
  readonly #openScreen: () => Promise<Screen>
  #state: State = { kind: 'new' }
  #host: Host | undefined
  /** Lines left out since the last one that was written. */
  #omitted = 0

  constructor(settings: Settings, config: Config, openScreen: () => Promise<Screen>) {
    this.#settings = settings
    this.#config = config
    this.#openScreen = openScreen
  }

  async start(host: Host): Promise<void> {
    this.#host = host
    const screen = await this.#openScreen()
    const writer = createBoundedWriter(screen.write, this.#config.buffer_size, this.#settings.clock)
    const format = createFormatter(this.#config.verbosity, screen.color ? ansi : plain)
    this.#state = { kind: 'open', screen, writer, format }
    host.report({ state: 'ok' })
  }

  async consume(batch: Batch): Promise<Outcome> {
    const state = this.#state
    const items = itemsOf(batch)
    if (state.kind !== 'open') this.#settings.telemetry.dropped(items, 'shutdown')
    else {
      const shown = new Tally()
      for (const { text, items: inLine } of state.format(batch, this.#settings.clock.unixNano()))
        if (this.#show(state.writer, text)) shown.add(inLine)
      this.#settings.telemetry.processed(shown)
      this.#settings.telemetry.dropped(without(items, shown), 'screen_full')
      const { broken } = state.writer
      if (broken !== undefined)
        this.#host?.report({ state: 'degraded', reason: `nothing can be shown any more: ${broken}` })
    }
    return ok
  }

  async shutdown(): Promise<void> {
    const state = this.#state
    this.#state = { kind: 'stopped' }
    if (state.kind !== 'open') return
    await state.writer.close(kCloseMs)
    await state.screen.close()
  }

  #show(writer: BoundedWriter, text: string): boolean {
    if (this.#omitted > 0) {
      if (!writer.line(`… ${this.#omitted} lines left out: the terminal is slower than the events`)) {
        this.#omitted++
        return false
      }
      this.#omitted = 0
    }
    if (writer.line(text)) return true
    this.#omitted++
    return false
  }
}

async function standardScreen({ clock }: Settings, { output, color }: Config): Promise<Screen> {
  const fd = output === 'stdout' ? 1 : 2
  const sink = await openFdSink(fd, clock)
  return { ...sink, color: color === 'auto' ? wantsColor(isatty(fd), process.env) : color === 'always' }
}
