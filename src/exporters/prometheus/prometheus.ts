import type { AddressInfo } from 'node:net'
import type { Exporter, Host, Settings } from '../../component/component.js'
import { type Outcome, ok } from '../../component/outcome.js'
import { type Batch, countItems } from '../../data/batch.js'
import { type Format, writeExposition } from '../../lib/openmetrics/exposition.js'
import { parseListenAddress } from '../../lib/openmetrics/listen-address.js'
import { checkIds } from '../../lib/otlp/ids.js'
import type { Timer } from '../../util/clock.js'
import { inTurns, type Pausable } from '../../util/pausable.js'
import type { Config } from './config.js'
import { assemblePage, type ProfileName } from './page.js'
import { listenForScrapes, type ScrapeServer } from './scrape-server.js'
import { SeriesStore } from './series-store.js'

export interface PrometheusExporter extends Exporter {
  /** Where it listens, while it does. */
  readonly address: AddressInfo | undefined
}

/** Keeps the last point of each series and shows it to scrapers. Never refuses a batch. */
export function createPrometheusExporter(settings: Settings, config: Config): PrometheusExporter {
  return new ScrapedExporter(settings, config)
}

/** Many scrapers at once cost one rendering a second, and none while nothing changes. */
const kRenderEveryMs = 1000
/** Expired series leave at the latest so much after their time. */
const kSweepMs = 10_000

interface Rendered {
  readonly text: Promise<string>
  readonly version: number
  readonly atMs: number
  readonly underWay: boolean
}

class ScrapedExporter implements PrometheusExporter {
  readonly #settings: Settings
  readonly #config: Config
  readonly #store: SeriesStore
  readonly #wanted: ReadonlySet<ProfileName>
  readonly #rendered = new Map<Format, Rendered>()
  readonly #duplicates: (add: number) => void
  readonly #invalidIds: (add: number) => void
  #server: ScrapeServer | undefined
  #sweep: Timer | undefined
  #overflowing = false

  constructor(settings: Settings, config: Config) {
    this.#settings = settings
    this.#config = config
    this.#store = new SeriesStore({ maxSeries: config.max_series, expirationMs: config.metric_expiration })
    this.#wanted = new Set(config.profiles)
    this.#duplicates = settings.telemetry.counter('duplicate_samples', 'Samples left out: same name and labels')
    this.#invalidIds = settings.telemetry.counter('invalid_ids', 'Trace and span IDs left out: they are none')
    settings.telemetry.gauge('series', 'Series held', '{series}', () => this.#store.size)
  }

  get address(): AddressInfo | undefined {
    return this.#server?.address
  }

  async start(host: Host): Promise<void> {
    const { endpoint, path, allowed_hosts } = this.#config
    const address = parseListenAddress(endpoint)
    if ('reason' in address) throw new Error(`endpoint ${address.reason}`)
    if (!address.loopback)
      this.#settings.logger.warn('the metrics page can be read by everyone who reaches its port', { endpoint })
    const { telemetry } = this.#settings
    const scrapes = telemetry.counter('scrapes', 'Pages served')
    this.#server = await listenForScrapes({
      address,
      path,
      allowedHosts: allowed_hosts,
      render: (format) => this.#render(format),
      onAnswer: (add) => {
        scrapes(add)
        // What is reported already is not told again.
        host.report({ state: 'ok' })
      },
      onRefusal: telemetry.counter('requests_refused', 'Requests answered with an error'),
      onFailure: (error) => this.#cannotShow(host, error),
    })
    this.#sweep = this.#settings.clock.every(kSweepMs, () => this.#store.expire(this.#nowMs))
    this.#settings.logger.info('metrics can be scraped', { url: `http://${endpoint}${path}` })
    host.report({ state: 'ok' })
  }

  async consume(offered: Batch): Promise<Outcome> {
    const nowMs = this.#nowMs
    // An exemplar longer than 128 characters would fail the whole scrape.
    const { batch, omitted } = checkIds({ ...offered, spans: [] })
    if (omitted > 0) this.#invalidIds(omitted)
    let refused = 0
    for (const metric of batch.metrics) refused += this.#store.addMetric(metric, nowMs)
    for (const event of batch.events) if (!this.#store.addEvent(event, nowMs)) refused++
    // Spans have no place on the page; the graph does not send any.
    const taken = countItems(batch)
    this.#settings.telemetry.processed(taken - refused)
    if (refused > 0) this.#overflow(refused)
    return ok
  }

  async shutdown(): Promise<void> {
    this.#sweep?.cancel()
    await this.#server?.close()
    this.#server = undefined
  }

  #render(format: Format): Promise<string> {
    const last = this.#rendered.get(format)
    const nowMs = this.#nowMs
    this.#store.expire(nowMs)
    const { version } = this.#store
    const isNew = last !== undefined && (last.version === version || nowMs - last.atMs < kRenderEveryMs)
    if (last !== undefined && (isNew || last.underWay)) return last.text
    const text = inTurns(this.#page(format), () => this.#nowMs)
    const rendered = { text, version, atMs: nowMs, underWay: true }
    // Kept from the beginning: who asks meanwhile waits for the same page. One that failed is made again.
    this.#rendered.set(format, rendered)
    text.then(
      () => {
        rendered.underWay = false
      },
      () => this.#rendered.delete(format),
    )
    return text
  }

  *#page(format: Format): Pausable<string> {
    const page = yield* assemblePage(this.#store, this.#wanted)
    if (page.duplicates > 0) this.#duplicates(page.duplicates)
    return yield* writeExposition(page.families, format)
  }

  #cannotShow(host: Host, error: unknown): void {
    this.#settings.telemetry.error('page_failed')
    const reason = `the page cannot be made: ${error instanceof Error ? error.message : String(error)}`
    host.report({ state: 'degraded', reason: `${reason}; lower max_series` })
  }

  #overflow(items: number): void {
    this.#settings.telemetry.dropped(items, 'series_limit')
    if (this.#overflowing) return
    this.#overflowing = true
    this.#settings.logger.error('more series than max_series: new ones are dropped', {
      max_series: this.#config.max_series,
      hint: 'filter units or attributes before this exporter, or raise max_series',
    })
  }

  get #nowMs(): number {
    return this.#settings.clock.monotonicMs()
  }
}
