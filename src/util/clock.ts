/** A started timer; `cancel` is safe after it fired and may be called twice. */
export interface Timer {
  cancel(): void
}

/** Time as a parameter, so tests can drive it. Timers never keep the process alive and run on the monotonic clock. */
export interface Clock {
  /** CLOCK_REALTIME in nanoseconds since 1970. */
  unixNano(): bigint
  /** A clock that never jumps, in milliseconds; only differences mean anything. */
  monotonicMs(): number
  /** Calls `fire` once after `ms`. */
  after(ms: number, fire: () => void): Timer
  /** Calls `fire` each `ms`, the first time after `ms`. */
  every(ms: number, fire: () => void): Timer
}

/** 24.8 days: Node makes 1 ms of anything longer, and a timeout of 30d would end everything at once. */
const kMaxTimerMs = 2 ** 31 - 1

// performance.timeOrigin is a double of milliseconds: good to about 0.2 us, and monotonic afterwards would drift from
// a stepped clock. Date.now() follows steps; its millisecond is refined with the fraction of the monotonic clock.
// Microseconds: a double holds them until the year 2255, and of bigints one is made and not six.
let lastUs = 0

export const systemClock: Clock = {
  unixNano() {
    const fineUs = Math.round((performance.timeOrigin + performance.now()) * 1000)
    const wallUs = Date.now() * 1000
    // Within 2 ms of the wall clock the finer reading is right; past that the clock was stepped and Date.now() rules.
    const us = Math.abs(fineUs - wallUs) < 2000 ? fineUs : wallUs
    if (us > lastUs || lastUs - us > 2000) lastUs = us
    return BigInt(lastUs) * 1000n
  },
  monotonicMs: () => performance.now(),
  after,
  every(ms, fire) {
    if (ms > kMaxTimerMs) {
      let timer = after(ms, function again() {
        timer = after(ms, again)
        fire()
      })
      return { cancel: () => timer.cancel() }
    }
    const timer = setInterval(fire, ms)
    timer.unref()
    return { cancel: () => clearInterval(timer) }
  },
}

function after(ms: number, fire: () => void): Timer {
  const step = Math.min(ms, kMaxTimerMs)
  let rest = ms - step
  let timer = setTimeout(function wait() {
    if (rest <= 0) return fire()
    const next = Math.min(rest, kMaxTimerMs)
    rest -= next
    timer = setTimeout(wait, next)
    timer.unref()
  }, step)
  timer.unref()
  return { cancel: () => clearTimeout(timer) }
}

/** Waits `ms`; resolves early (with false) when `signal` aborts. Its timer is gone once it resolves. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve(false)
    const done = (whole: boolean): void => {
      timer.cancel()
      signal?.removeEventListener('abort', onAbort)
      resolve(whole)
    }
    const onAbort = (): void => done(false)
    const timer = clock.after(ms, () => done(true))
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
