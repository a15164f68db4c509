/** So many refusals in a row, with nothing delivered between them, are no matter of single requests any more. */
const kRefusalsInARow = 3

/** Names of lanes may be those of tenants: of more that are refused, the one refused first is forgotten. */
const kMaxLanes = 256

interface Lane {
  refusals: number
  /** Why everything of it is refused, when it is. */
  trouble: string | undefined
}

/**
 * Says when delivery is in trouble: the server is away, or refuses for good what it is sent.
 *
 * A refusal ends with a delivery of the same lane (signal) only: a server that takes traces may know no metrics, and
 * traces that arrive between two refused metrics would make it well and ill by turns.
 */
export class DeliveryHealth {
  readonly #onHealth: (trouble: string | undefined) => void
  readonly #lanes = new Map<string, Lane>()
  #away: string | undefined
  #probing = false
  #disk: string | undefined
  #told: string | undefined

  constructor(onHealth: (trouble: string | undefined) => void) {
    this.#onHealth = onHealth
  }

  /**
   * A try failed and will be repeated.
   *
   * @param probing - the circuit breaker is open: from now on there is only a probe now and then
   */
  failing(reason: string, probing = false): void {
    // A probe comes now and then: what it says is the latest news. Before, each try of each sender would be told.
    if (this.#away === undefined || probing) this.#away = reason
    this.#probing = probing
    this.#tell()
  }

  /** What is to be delivered cannot be kept on the disk; undefined: it can. */
  disk(trouble: string | undefined): void {
    this.#disk = trouble
    this.#tell()
  }

  delivered(lane: string): void {
    this.#away = undefined
    this.#lanes.delete(lane)
    this.#tell()
  }

  /**
   * The server is there and refused a request for good.
   *
   * @param anyRequest - it would refuse every other one as well, as with a token that has expired
   * @returns whether the trouble it is part of has been told
   */
  refused(lane: string, reason: string, anyRequest: boolean): boolean {
    this.#away = undefined
    const state = this.#lanes.get(lane) ?? { refusals: 0, trouble: undefined }
    if (this.#lanes.size >= kMaxLanes && !this.#lanes.has(lane)) this.#lanes.delete([...this.#lanes.keys()][0]!)
    this.#lanes.set(lane, state)
    state.refusals++
    // The first words are the status; what follows may differ with each request (an id) and is told once.
    const same = state.trouble !== undefined && statusOf(state.trouble) === statusOf(reason)
    if (!same && (anyRequest || state.refusals >= kRefusalsInARow)) state.trouble = `${reason}; data is dropped`
    this.#tell()
    return state.trouble !== undefined
  }

  #tell(): void {
    const refusing = [...this.#lanes.values()].find(({ trouble }) => trouble !== undefined)
    const away = this.#probing && this.#away !== undefined ? `${this.#away}; circuit breaker open` : this.#away
    const trouble = this.#disk ?? refusing?.trouble ?? away
    if (trouble === this.#told) return
    this.#told = trouble
    this.#onHealth(trouble)
  }
}

function statusOf(reason: string): string {
  return reason.split(/[:;]/, 1)[0] ?? ''
}
