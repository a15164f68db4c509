import { createHash } from 'node:crypto'
import { batchOf } from '../../src/data/batch.js'
import type { RawEvent } from '../../src/data/event.js'
import { OtlpEncoder } from '../../src/lib/otlp/encode.js'
import { OtlpClient } from '../support/otlp-client.js'
import { attributesOf } from '../support/otlp-sink/decode.js'
import type { Received } from '../support/otlp-sink/otlp-sink.js'

const encoder = new OtlpEncoder({ name: 'oracle', version: '1' })
const resource = { key: 'oracle', attributes: { 'service.name': 'oracle' } }

/** Log records of so many bytes, of which no two are alike. */
function bodyOf(id: number, bytes: number): string {
  let text = ''
  for (let n = 0; text.length < bytes; n++) text += createHash('sha256').update(`${id}/${n}`).digest('hex')
  return text.slice(0, bytes)
}

const hashOf = (body: string): string => createHash('sha256').update(body).digest('hex').slice(0, 16)

function eventOf(id: number, bytes: number): RawEvent {
  return {
    timeUnixNano: 1_700_000_000_000_000_000n + BigInt(id),
    observedTimeUnixNano: 1_700_000_000_000_000_000n + BigInt(id),
    name: 'oracle.item',
    severity: 9,
    body: bodyOf(id, bytes),
    attributes: { 'oracle.id': id },
    resource,
  }
}

/**
 * Stands outside of what fails: issues items, remembers which of them the agent has answered OK (obligations), and sees what
 * arrives in the end. Only what was acknowledged is owed; what was not may arrive or not.
 */
export class Oracle {
  readonly #bytes: number
  readonly #hashes = new Map<number, string>()
  readonly #acknowledged = new Set<number>()
  /** How often each has arrived. */
  readonly #arrived = new Map<number, number>()
  readonly #wrong: number[] = []
  #issued = 0

  /** @param bytes - of each item's body */
  constructor(bytes = 200) {
    this.#bytes = bytes
  }

  get issued(): number {
    return this.#issued
  }
  get acknowledged(): number {
    return this.#acknowledged.size
  }
  /** Acknowledged and not arrived. */
  get owed(): number {
    let owed = 0
    for (const id of this.#acknowledged) if (!this.#arrived.has(id)) owed++
    return owed
  }
  /** Arrivals beyond the first of each. */
  get twice(): number {
    let twice = 0
    for (const times of this.#arrived.values()) twice += times - 1
    return twice
  }
  /** Different items that arrived. */
  get arrived(): number {
    return this.#arrived.size
  }
  /** Items that arrived and are not what was issued. */
  get wrong(): readonly number[] {
    return this.#wrong
  }

  /** One export with `items` new ones. @returns whether they are owed now */
  async export(client: OtlpClient, items: number, timeoutMs = 30_000): Promise<boolean> {
    const { ids, request } = this.#issue(items)
    const { code } = await client.export('logs', request, {}, timeoutMs)
    if (code === 0) for (const id of ids) this.#acknowledged.add(id)
    return code === 0
  }

  /** The same, sent again until it is taken, as an agent does. @returns how often it was sent */
  async deliver(client: OtlpClient, items: number): Promise<number> {
    const { ids, request } = this.#issue(items)
    for (let tries = 1; ; tries++) {
      const { code } = await client.export('logs', request, {}, 30_000)
      if (code === 0) {
        for (const id of ids) this.#acknowledged.add(id)
        return tries
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  #issue(items: number): { readonly ids: readonly number[]; readonly request: Buffer } {
    const ids = Array.from({ length: items }, () => this.#issued++)
    const events = ids.map((id) => eventOf(id, this.#bytes))
    for (const [at, id] of ids.entries()) this.#hashes.set(id, hashOf(String(events[at]!.body)))
    const [request] = encoder.encode(batchOf({ events }))
    return { ids, request: Buffer.concat(request!.chunks) }
  }

  /** Senders that export one after the other until they are told to stop. Resolves when all have their last answer. */
  async load(port: number, stop: AbortSignal, { senders = 4, items = 20, pauseMs = 0 } = {}): Promise<void> {
    await Promise.all(
      Array.from({ length: senders }, async () => {
        const client = new OtlpClient(port)
        while (!stop.aborted) {
          // The agent may be down: then it is asked again a little later.
          const taken = await this.export(client, items)
          await new Promise((resolve) => setTimeout(resolve, taken ? pauseMs : 20))
        }
        client.close()
      }),
    )
  }

  /** What came to the backend. */
  saw({ message }: Pick<Received, 'message'>): void {
    for (const { scope_logs: scopes } of message['resource_logs'])
      for (const { log_records: records } of scopes)
        for (const { attributes, body } of records) {
          const id = Number(attributesOf(attributes)['oracle.id'])
          this.#arrived.set(id, (this.#arrived.get(id) ?? 0) + 1)
          if (hashOf(body.string_value) !== this.#hashes.get(id)) this.#wrong.push(id)
        }
  }
}
