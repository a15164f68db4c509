import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream'
import type { Consumer, Host, Receiver, Settings } from '../../component/component.js'
import { type Line, NatsLink, serversText } from '../../lib/nats/link.js'
import { allSubjects, signalIn } from '../../lib/nats/stream.js'
import { sleep } from '../../util/clock.js'
import type { Config } from './config.js'
import { Intake } from './intake.js'

/** Takes messages from the stream, and acknowledges each once the pipeline has it. */
export function createNatsReceiver(settings: Settings, config: Config, next: Consumer): Receiver {
  return new NatsReceiver(settings, config, next)
}

/** After a failure, until the next try to find the server, the stream and the consumer. */
const kRetryMs = 2000
/** A message that takes long says so several times before it would be delivered again. */
const kSignsPerWait = 3
/** A pull that brings nothing is repeated; a server that is gone is noticed by it. */
const kPullMs = 30_000

class NatsReceiver implements Receiver {
  readonly #settings: Settings
  readonly #config: Config
  readonly #intake: Intake
  readonly #stopping = new AbortController()
  readonly #inHand = new Map<JsMsg, Promise<void>>()
  #link: NatsLink | undefined
  #messages: ConsumerMessages | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(settings: Settings, config: Config, next: Consumer) {
    this.#settings = settings
    this.#config = config
    this.#intake = new Intake(settings, next, config.max_message_size)
    settings.telemetry.gauge('messages_in_hand', 'Messages not acknowledged yet', '{message}', () => this.#inHand.size)
  }

  async start(host: Host): Promise<void> {
    if (this.#link !== undefined || this.#stopping.signal.aborted) return
    this.#link = await NatsLink.open(this.#config, this.#settings)
    host.report({ state: 'starting' })
    this.#running = this.#run(this.#link, host)
  }

  async shutdown(): Promise<void> {
    this.#stopping.abort()
    this.#messages?.stop()
    await this.#running
    // What the pipeline holds is acknowledged; the rest comes again, to the next gateway.
    await Promise.all(this.#inHand.values())
    const link = this.#link
    this.#link = undefined
    await link?.close()
  }

  async #run(link: NatsLink, host: Host): Promise<void> {
    const { clock, telemetry, logger } = this.#settings
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        const line = await link.line()
        this.#messages = await this.#subscribe(line)
        if (signal.aborted) this.#messages.stop()
        host.report({ state: 'ok' })
        await this.#takeAll(this.#messages, line)
      } catch (error) {
        if (signal.aborted) return
        const reason = error instanceof Error ? error.message : String(error)
        telemetry.error('not_connected')
        logger.warn('no messages from NATS; trying again', { reason })
        host.report({ state: 'degraded', reason: `NATS at ${serversText(this.#config.servers)}: ${reason}` })
      }
      await sleep(clock, kRetryMs, signal)
    }
  }

  async #subscribe({ client, manager, ensureStream }: Line): Promise<ConsumerMessages> {
    const { stream, consumer, subject, max_ack_pending, ack_wait } = this.#config
    await ensureStream() // what ended the last subscription may be that somebody has deleted it
    // The same again changes nothing; other limits than it has, those.
    await manager.consumers.add(stream, {
      durable_name: consumer,
      filter_subject: allSubjects(subject),
      ack_policy: 'explicit',
      ack_wait: ack_wait * 1e6,
      max_ack_pending,
      max_deliver: -1,
    })
    const bound = await client.consumers.get(stream, consumer)
    return await bound.consume({
      max_messages: max_ack_pending,
      expires: kPullMs,
      abort_on_missing_resource: true,
    })
  }

  async #takeAll(messages: ConsumerMessages, { connection }: Line): Promise<void> {
    const { clock } = this.#settings
    const alive = clock.every(this.#config.ack_wait / kSignsPerWait, () => {
      for (const message of this.#inHand.keys()) message.working()
    })
    try {
      for await (const message of messages) {
        const taken = this.#take(message).finally(() => this.#inHand.delete(message))
        this.#inHand.set(message, taken)
      }
      if (!this.#stopping.signal.aborted) throw new Error('the subscription has ended')
    } finally {
      if (this.#stopping.signal.aborted) await Promise.all(this.#inHand.values())
      alive.cancel()
      // Acknowledgements are not lost with the connection.
      if (!connection.isClosed()) await connection.flush().catch(() => {})
    }
  }

  async #take(message: JsMsg): Promise<void> {
    try {
      await this.#intake.take({
        signal: signalIn(this.#config.subject, message.subject),
        data: message.data,
        sequence: message.seq,
        timestampNanos: message.timestampNanos,
        ack: () => message.ack(),
        later: (afterMs) => message.nak(afterMs),
        // No reason is given: a server before 2.10.4 would not understand the answer.
        giveUp: () => message.term(),
      })
    } catch (error) {
      this.#settings.telemetry.error('internal_error')
      this.#settings.logger.error('a bug: a message could not be handled', { error: String(error) })
    }
  }
}
