// A stretch of time over which processes are watched.
import { setTimeout as sleep } from 'node:timers/promises'
import { quantile } from '../lib/statistics.mjs'
import { cpuUs, memoryKiB, wakeups } from './process.mjs'

/**
 * Watches processes for `ms`, and runs `meanwhile` in it.
 *
 * @param {Record<string, number>} pids by a name
 * @returns by the same names: share of a core in %, wake-ups per second, and memory at the end in MiB
 */
export async function watchProcesses(pids, ms, meanwhile = async () => {}) {
  const read = () => Object.entries(pids).map(([name, pid]) => ({ name, pid, us: cpuUs(pid), woken: wakeups(pid) }))
  const before = read()
  const start = performance.now()
  await meanwhile()
  await sleep(Math.max(0, ms - (performance.now() - start)))
  const seconds = (performance.now() - start) / 1000
  const after = read()
  return Object.fromEntries(
    after.map(({ name, pid, us, woken }, i) => [
      name,
      {
        cpuPercent: (us - before[i].us) / seconds / 1e4,
        wakeups: (woken - before[i].woken) / seconds,
        ...memoryMiB(pid),
      },
    ]),
  )
}

export function memoryMiB(pid) {
  const { rss, anon, pss, peak } = memoryKiB(pid)
  return { rss: rss / 1024, anon: anon / 1024, pss: pss / 1024, peak: peak / 1024 }
}

/**
 * How old events were when they arrived, in ms.
 *
 * @param events of the sink, at least one
 * @param since 'happened': by systemd's own timestamp; 'read': since the agent's bus thread had it
 */
export function agesOf(events, since) {
  const sorted = (ages) => ages.sort((a, b) => a - b)
  const sinceRead = sorted(events.map(([, , read]) => read))
  const ages = since === 'happened' ? sorted(events.map(([, happened]) => happened)) : sinceRead
  const of = (share) => quantile(ages, share)
  return { p50: of(0.5), p95: of(0.95), p99: of(0.99), own95: quantile(sinceRead, 0.95) }
}

/**
 * One window for several ways: the first that asks starts it, the others get its results, and who asks again starts the next.
 *
 * @param {() => Promise<Record<string, object>>} measure results by way
 */
export function sharedWindow(measure) {
  let results
  let taken = new Set()
  return async (way) => {
    if (results === undefined || taken.has(way)) {
      results = measure()
      taken = new Set()
    }
    taken.add(way)
    return (await results)[way]
  }
}
