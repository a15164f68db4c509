// What came of a hostile bus's connections, and where that is not what must come of the same bytes.
import { isDeepStrictEqual } from 'node:util'

/** Its own bookkeeping grows: under it only descriptors and threads are judged. */
const kAsan = process.env.LD_PRELOAD?.includes('libasan') === true
/** Faults that are told one by one. */
const kMaxFaults = 20

/** What came of it on a real connection, and where that is not what was expected. */
export class Tally {
  connections = 0
  handshakes = 0
  /** Messages that reached the judge, whatever the verdict; the bodies of many are nobody's business. */
  messages = 0
  /** @type {Record<string, number>} */
  rejected = {}
  /** Connections ended by the reader over a bad message, and those it kept until the peer hung up. */
  ended = 0
  kept = 0
  /** @type {string[]} */
  faults = []

  /** Messages refused, each under one reason. */
  get refused() {
    return Object.values(this.rejected).reduce((sum, each) => sum + each, 0)
  }

  fault(connection, what) {
    if (this.faults.length < kMaxFaults) this.faults.push(`connection ${connection}: ${what}`)
    else if (this.faults.length === kMaxFaults) this.faults.push('... and more')
  }

  handshake(connection, reason) {
    this.connections++
    this.handshakes++
    const bad = /: authentication(: the bus closed the connection| failed: \w+ \(EXTERNAL as uid \d+\))$/
    const over = /^(the bus closed the connection|bad message: )/
    if (!bad.test(reason) && !over.test(reason)) this.fault(connection, `the handshake ended with "${reason}"`)
  }

  judge(connection, expected, told, end, stats) {
    this.connections++
    if (expected.end === undefined) this.kept++
    else this.ended++
    const counters = {
      messages: stats.messages - 1,
      rejected: stats.rejected,
      matched: stats.matched,
      filtered: stats.filtered,
    }
    // The framer refuses a message before it is counted as one.
    this.messages += counters.messages + (/: header_/.test(end) ? 1 : 0)
    for (const [reason, count] of Object.entries(stats.rejected))
      this.rejected[reason] = (this.rejected[reason] ?? 0) + count
    const reason = expected.end ?? 'the bus closed the connection'
    if (end !== reason) this.fault(connection, `ended with "${end}", not "${reason}"`)
    if (!isDeepStrictEqual(counters, expected.counters)) {
      this.fault(connection, `counted ${JSON.stringify(counters)}, not ${JSON.stringify(expected.counters)}`)
    }
    // At the end of a connection a half that was held goes out alone; a parser waits for more.
    const rest = told.slice(expected.told.length)
    const same = isDeepStrictEqual(told.slice(0, expected.told.length), expected.told)
    if (!same || rest.length > 1 || rest.some((each) => !each.startsWith('unit_changed '))) {
      this.fault(connection, `told [${told.join(', ')}], not [${expected.told.join(', ')}]`)
    }
  }
}

/** Prints what was seen; whether all of it is as it should be. */
export function report(tally, growth, seed, seconds) {
  const { refused, messages, connections } = tally
  console.log(
    `${refused} malformed messages refused, of ${messages} on ${connections} connections; seed ${seed}, ${seconds.toFixed(1)} s`,
  )
  console.log(
    `${tally.handshakes} handshakes were what was wrong; ${tally.ended} connections ended by the reader, ${tally.kept} by the peer`,
  )
  const counts = Object.entries(tally.rejected).sort(([, a], [, b]) => b - a)
  console.log(`by reason: ${counts.map(([reason, count]) => `${reason} ${count}`).join(', ')}`)
  console.log(growth.words('connections'))
  const faults = [...tally.faults, ...growth.faults({ memory: !kAsan })]
  for (const fault of faults) console.log(`FAULT ${fault}`)
  console.log(faults.length === 0 ? 'all accounted for, nothing grew' : `${faults.length} faults`)
  return faults.length === 0
}
