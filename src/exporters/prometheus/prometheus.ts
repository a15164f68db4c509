import type { AddressInfo } from 'node:net'
import type { Exporter, Host, Settings } from '../../component/component.js'
import { type Outcome, ok } from '../../component/outcome.js'
import { type Batch, type Items, itemsOf } from '../../data/batch.js'
import { Tally, totalOf } from '../../data/tally.js'
import type { Format } from '../../lib/openmetrics/exposition.js'
import { parseListenAddress } from '../../lib/openmetrics/listen-address.js'
import { checkIds } from '../../lib/otlp/ids.js'
import type { Timer } from '../../util/clock.js'
import { inTurns } from '../../util/pausable.js'
import type { Config } from './config.js'
import type { KeptText } from './kept-text.js'
import { type Piece, type ProfileName, showsExemplars, writePage } from './page.js'
import { PageCache } from './page-cache.js'
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

/** Expired series leave at the latest so much after their time. */
const kSweepMs = 10_000

class ScrapedExporter implements PrometheusExporter {
  readonly #settings: Settings
  readonly #config: Config
  readonly #store: SeriesStore
  readonly #wanted: ReadonlySet<ProfileName>
  readonly #pages: PageCache
  readonly #duplicates: (add: number) => void
  readonly #invalidIds: (add: number) => void
  #server: ScrapeServer | undefined
  #sweep: Timer | undefined
  #sweeping: Promise<void> | undefined
  #overflowing = false

  constructor(settings: Settings, config: Config) {
    this.#settings = settings
    this.#config = config
    this.#wanted = new Set(config.profiles)
    const limits = { maxSeries: config.max_series, expirationMs: config.metric_expiration }
    this.#store = new SeriesStore(limits, (head) => showsExemplars(head, this.#wanted))
    this.#pages = new PageCache(settings.clock, (format, kept) => this.#write(format, kept))
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
      page: (format) => this.#pages.page(format),
      onAnswer: (add) => {
        scrapes(add)
        // What is reported already is not told again.
        host.report({ state: 'ok' })
      },
      onRefusal: telemetry.counter('requests_refused', 'Requests answered with an error'),
      onFailure: (error) => this.#cannotShow(host, error),
    })
    this.#sweep = this.#settings.clock.every(kSweepMs, () => this.#expire())
    this.#settings.logger.info('metrics can be scraped', { url: `http://${endpoint}${path}` })
    host.report({ state: 'ok' })
  }

  async consume(offered: Batch): Promise<Outcome> {
    const nowMs = this.#nowMs
    // An exemplar longer than 128 characters would fail the whole scrape.
    const { batch, omitted } = checkIds(offered.spans.length === 0 ? offered : { ...offered, spans: [] })
    if (omitted > 0) this.#invalidIds(omitted)
    const refused = { logs: 0, metrics: 0 }
    let unshown = 0
    const { metrics } = batch
    for (let at = 0; at < metrics.length; at++) {
      const metric = metrics[at]!
      if (metric.type === 'encoded') unshown += metric.points.length
      else refused.metrics += this.#store.addMetric(metric, nowMs)
    }
    for (const event of batch.events) if (!this.#store.addEvent(event, nowMs)) refused.logs++
    // Spans have no place on the page; the graph does not send any.
    const { telemetry } = this.#settings
    telemetry.processed(Tally.of(itemsOf(batch)).subtract(refused).subtract({ metrics: unshown }))
    telemetry.dropped({ metrics: unshown }, 'not_shown')
    if (totalOf(refused) > 0) this.#overflow(refused)
    return ok
  }

  async shutdown(): Promise<void> {
    this.#sweep?.cancel()
    const server = this.#server
    this.#server = undefined
    await server?.close()
    await this.#pages.close()
    await this.#sweeping
  }

  #expire(): void {
    this.#pages.sweep()
    this.#sweeping ??= inTurns(this.#store.expire(this.#nowMs), () => this.#nowMs).finally(() => {
      this.#sweeping = undefined
    })
  }

  *#write(format: Format, kept: KeptText): Generator<Piece, void, undefined> {
    for (const _ of this.#store.expire(this.#nowMs)) yield undefined
    const duplicates = yield* writePage(this.#store, this.#wanted, format, kept)
    if (duplicates > 0) this.#duplicates(duplicates)
  }

  #cannotShow(host: Host, error: unknown): void {
    if (this.#server === undefined) return // who asked was told that it shuts down, by the end of the connection
    this.#settings.telemetry.error('page_failed')
    const reason = `the page cannot be made: ${error instanceof Error ? error.message : String(error)}`
    host.report({ state: 'degraded', reason: `${reason}; lower max_series` })
  }

  #overflow(items: Items): void {
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
