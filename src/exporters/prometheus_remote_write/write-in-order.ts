import { Tally } from '../../data/tally.js'
import type { SendResult } from '../../lib/delivery/sender.js'
import { bodyOf, parcelWith, type WriteParcel } from './parcel.js'

/** What one request came to. */
export type WriteResult =
  | { readonly kind: 'delivered' }
  | {
      readonly kind: 'retryable'
      readonly reason: string
      readonly afterMs?: number
      /** It failed while the server had it: it may have been taken. */
      readonly maybeTaken: boolean
    }
  | {
      readonly kind: 'permanent'
      readonly reason: string
      readonly anyRequest: boolean
      /** The server has samples of this time already, or newer ones; `too_old`: it takes none of that time any more. */
      readonly outOfOrder: boolean | 'too_old'
    }

export type Write = (body: Buffer) => Promise<WriteResult>

/**
 * Writes a parcel, over as many tries as it takes. Prometheus refuses a whole request for one sample that is out of order (400),
 * so what was joined is then written a part at a time, and only what is refused by itself is lost.
 */
export class OrderedWriting {
  readonly #parcel: WriteParcel
  /** What is written next, when the whole was refused. */
  #part: number | undefined
  readonly #rejected = new Tally()
  #complaint = ''
  /** An earlier try of what is written now may have been taken: then "out of order" says that it was. */
  #maybeTaken = false

  constructor(parcel: WriteParcel) {
    this.#parcel = parcel
  }

  /** One try. */
  async try(write: Write): Promise<SendResult> {
    if (this.#part === undefined) {
      const whole = await this.#write(this.#parcel, write)
      if (whole.kind !== 'permanent' || whole.anyRequest || this.#parcel.parts.length === 1) return whole
      this.#part = 0
      this.#complaint = whole.reason
    }
    for (; this.#part < this.#parcel.parts.length; this.#part++) {
      const part = this.#parcel.parts[this.#part]!
      const result = await this.#write(parcelWith([part]), write)
      if (result.kind === 'retryable') return result
      if (result.kind === 'permanent') this.#rejected.add(part.signals)
    }
    return { kind: 'delivered', rejected: this.#rejected, message: this.#complaint }
  }

  async #write(parcel: WriteParcel, write: Write): Promise<WriteResult> {
    const result = await write(bodyOf(parcel))
    if (result.kind === 'retryable') {
      this.#maybeTaken ||= result.maybeTaken
      return result
    }
    const maybeTaken = this.#maybeTaken
    this.#maybeTaken = false
    // Too old is no proof: the server would say so of what it never had.
    if (result.kind !== 'permanent' || result.outOfOrder !== true) return result
    const { parts } = parcel
    // Of what an earlier process has left its first parts alone may have been taken: a whole with some of it is gone through by parts.
    const isInherited = parts.some((part) => part.isInherited === true)
    const wasTaken = parts.length === 1 ? maybeTaken || isInherited : maybeTaken && !isInherited
    return wasTaken ? { kind: 'delivered' } : result
  }
}
