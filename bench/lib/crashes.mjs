// Events of units that crash, made by the product's own code in the form in which they reach its processors.
import { product } from './product.mjs'

const kRestartSec = 1
const kStartUsec = 1_795_176_000_000_000

/**
 * Gives `round(n)`: the events of a unit's n-th crash and of the restart before it, as systemd tells them of a service with
 * `Restart=always` that ends with exit status 1 after 20 ms. One crash a second of each unit, at its own part of the second.
 *
 * @param {readonly string[]} units
 */
export async function crashLoops(units) {
  const { unitEvent } = await product('lib/systemd/unit-event.js')
  const { unloadedState } = await product('lib/systemd/unit-phase.js')
  const { unitResource } = await product('lib/systemd/unit-resource.js')
  const { ResourcePool } = await product('data/resource.js')
  const pool = new ResourcePool()
  const resources = units.map((unit) => unitResource(pool, unit))
  const eventsOf = (at, n) => {
    const unit = units[at]
    const began = kStartUsec + n * kRestartSec * 1e6 + Math.round((at * 1e6) / units.length)
    const ended = began + 20_000
    const invocationId = ((n + 1) * 65_536 + at).toString(16).padStart(32, 'a')
    const running = {
      ...unloadedState,
      activeState: 'active',
      subState: 'running',
      result: 'success',
      mainPid: 1000 + at,
      nRestarts: n,
      execMainPid: 1000 + at,
      invocationId,
      stateChangeUsec: began,
      inactiveExitUsec: began,
      activeEnterUsec: began,
      execMainStartUsec: began,
    }
    const waiting = {
      ...running,
      activeState: 'activating',
      subState: 'auto-restart',
      result: 'exit-code',
      mainPid: 0,
      execMainCode: 1,
      execMainStatus: 1,
      stateChangeUsec: ended,
      activeExitUsec: ended,
      inactiveEnterUsec: ended,
      execMainExitUsec: ended,
    }
    const context = (atUsec, outlook) => ({
      unit,
      resource: resources[at],
      observedNs: BigInt(atUsec) * 1000n + 300_000n,
      evidence: undefined,
      missedRestarts: 0,
      causedBy: undefined,
      slice: 'system.slice',
      cgroupId: 4000 + at,
      restartCause: undefined,
      outlook,
      outOfMemory: false,
    })
    const again = { verdict: 'will_restart', dueUsec: ended + kRestartSec * 1e6 }
    const job = { id: n * units.length + at + 1, result: 'done' }
    return [
      unitEvent({ kind: 'restarted', state: running, before: waiting, atUsec: began, cause: 'auto' }, context(began)),
      unitEvent({ kind: 'jobFinished', state: running, before: waiting, atUsec: 0, job }, context(began)),
      unitEvent({ kind: 'failed', state: waiting, before: running, atUsec: ended }, context(ended, again)),
      unitEvent({ kind: 'restarting', state: waiting, before: running, atUsec: ended }, context(ended, again)),
    ]
  }
  return { startUsec: kStartUsec, round: (n) => units.map((_, at) => eventsOf(at, n)) }
}

/** A consumer that counts. `mark` is an attribute that events are looked at for. */
export function counter(mark) {
  const seen = { events: 0, marked: 0, spans: 0 }
  return {
    seen,
    consume(batch) {
      for (const { attributes } of batch.events) if (mark in attributes) seen.marked++
      seen.events += batch.events.length
      seen.spans += batch.spans.length
      return Promise.resolve({ kind: 'ok' })
    },
  }
}
