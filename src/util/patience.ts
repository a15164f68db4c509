import type { Timer } from './clock.js'

const kParts = 10

/**
 * Calls `fire` once after `ms` in which this process ran: of a time in which it stood still a tenth of them counts at most. Timers
 * are looked at before sockets, so that after one long timer it would say that nobody answers and not have looked.
 */
export function patience(ms: number, fire: () => void): Timer {
  let left = kParts
  const timer = setInterval(() => {
    if (--left > 0) return
    clearInterval(timer)
    fire()
  }, ms / kParts).unref()
  return { cancel: () => clearInterval(timer) }
}
