// What was sent, and what became of it at each place on its way: sums that must agree, none of them within a tolerance.

/** Nothing waits anywhere. */
export const isAtRest = ({ rows }) => rows.every(({ held }) => held === 0)

/** A flood ends with a signal of its own, UnitNew of a unit that is none. */
const kMarkers = 1

export class Books {
  faults = []
  /** Signals sent since `open`, and changes of state among them. */
  signals = 0
  changes = 0
  /** Of the reader's records, those it gave us, and those it says are missing between them. */
  given = 0
  missing = 0
  /** Changes of state among those it gave. */
  changesGiven = 0
  /** What the server at the end counted. */
  served = undefined
  /** What the receivers made, and what was dropped on the way, by reason. */
  made = 0
  dropped = {}

  #reader
  #readers = 0
  #expected = 0
  #base = 0
  #fromUs = Number.POSITIVE_INFINITY
  #stamps = new Map()

  /** @param make makes a reader that gives its records to a function @param take what is to have them */
  audit(make, take) {
    this.#readers++
    this.#reader = make((records) => {
      for (const record of records) this.#note(record)
      take(records)
    })
    return this.#reader
  }

  #note(record) {
    if (record.kind === 'lost') {
      this.missing += record.count
      return
    }
    this.given++
    if (record.kind === 'unit_removed') this.#stamps.delete(record.unit)
    if (record.kind !== 'unit_changed') return
    // The stand-in stamps each change with the moment of sending, and repeats the stamp until the next. What was stamped before
    // this flood is no change, though a unit that came meanwhile says it for the first time.
    const stamp = record.state.stateChangeUsec
    if (stamp >= this.#fromUs && stamp !== this.#stamps.get(record.unit)) this.changesGiven++
    this.#stamps.set(record.unit, stamp)
  }

  get stats() {
    return this.#reader?.stats()
  }

  /** From here on it counts. Nothing is on its way. */
  open() {
    this.#base = this.stats.messages
  }

  /** A flood is about to begin. Nothing is on its way. */
  begin() {
    this.#fromUs = (performance.timeOrigin + performance.now()) * 1000
  }

  /** @param told what the stand-in said it sent @param markers signals that it sent besides */
  sent({ sent, changes = 0 }, markers = 0) {
    this.signals += sent
    this.changes += changes
    this.#expected += sent + markers
  }

  flooded(told) {
    this.sent(told, kMarkers)
  }

  /** All that was sent has been read, and given to us. */
  get complete() {
    const { messages, records } = this.stats
    return messages - this.#base >= this.#expected && this.given + this.missing >= records
  }

  /** At rest, between two floods. */
  compare(ledger) {
    const { messages, records, dropped, rejected } = this.stats
    this.#equal('signals read and sent', messages - this.#base, this.#expected)
    this.#equal('records, and those given or known to be missing', records, this.given + this.missing)
    this.#equal('records dropped, and gaps in the sequence', dropped, this.missing)
    this.#equal('kinds of signals refused', Object.keys(rejected).length, 0)
    this.#equal('connections', this.#readers, 1)
    const unseen = this.changes - this.changesGiven
    if (unseen < 0 || unseen > this.missing)
      this.faults.push(`${this.changes} changes of state, ${this.changesGiven} given, ${this.missing} records missing`)
    if (!isAtRest(ledger)) this.#unbalanced(ledger)
  }

  /** When all is over. `served`: what the server counted. */
  close(ledger, served) {
    this.served = served
    this.#unbalanced(ledger)
    // A start of a service is two changes or three, and an event. Far fewer: most were only noted, not told, which is right only
    // after a loss, while all units are read again.
    if (this.missing === 0 && served.logs < this.changesGiven / 4)
      this.faults.push(`${this.changesGiven} changes of state were given, and only ${served.logs} events came of them`)
    for (const { kind, id, produced, in: taken, dropped, out } of ledger.rows) {
      if (kind === 'receiver') this.made += produced + taken
      for (const [reason, count] of Object.entries(dropped)) this.dropped[reason] = (this.dropped[reason] ?? 0) + count
      if (id === 'otlp')
        this.#equal('items delivered, and counted by the server', out, served.logs + served.traces + served.metrics)
    }
  }

  #unbalanced({ rows }) {
    for (const { kind, id, pipeline = '', held } of rows)
      if (held !== 0) this.faults.push(`${kind} ${id} ${pipeline} still has ${held} items`)
  }

  #equal(what, a, b) {
    if (a !== b) this.faults.push(`${what}: ${a} and ${b}`)
  }
}
