// What a process costs, from /proc.
import { readdirSync, readFileSync } from 'node:fs'

/**
 * CPU time of all threads of a process, in microseconds: the first field of /proc/PID/task/TID/schedstat (nanoseconds
 * on a CPU). /proc/PID/stat has the same in ticks of 10 ms, too coarse for an idle agent: 0.3 % of a core over 20 s is six.
 * A thread that ends in between takes its time along; Node's and the agent's threads live as long as the process.
 */
export function cpuUs(pid) {
  let total = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      total += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
    } catch (error) {
      if (error.code !== 'ENOENT' && error.code !== 'ESRCH') throw error
    }
  }
  return total / 1000
}

/** Threads by what they are called, each with its CPU time in microseconds; equal names are added. */
export function cpuByThread(pid) {
  const threads = {}
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${thread}`
    const name = readFileSync(`${folder}/comm`, 'utf8').trim()
    threads[name] = (threads[name] ?? 0) + Number(readFileSync(`${folder}/schedstat`, 'utf8').split(' ')[0]) / 1000
  }
  return threads
}

/**
 * CPU time by who takes it, in microseconds: the main thread, the addon's threads (by their names), and the others, which are V8's (they
 * compile and collect garbage) and libuv's.
 */
export function cpuByRole(pid) {
  const roles = { main: 0, addon: 0, helpers: 0 }
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${thread}`
    const isOurs = readFileSync(`${folder}/comm`, 'utf8').startsWith('unitscope-')
    const role = Number(thread) === pid ? 'main' : isOurs ? 'addon' : 'helpers'
    roles[role] += Number(readFileSync(`${folder}/schedstat`, 'utf8').split(' ')[0]) / 1000
  }
  return roles
}

/**
 * Memory in KiB: resident and private (proc_pid_status(5)), proportional (smaps_rollup, costs a walk of the page table), and
 * what of the private is malloc's (`[heap]`, where MALLOC_ARENA_MAX is 1, but for blocks that have a mapping of their own).
 */
export function memoryKiB(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const field = (text, key) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)?.[1])
  return {
    rss: field(status, 'VmRSS'),
    anon: field(status, 'RssAnon'),
    file: field(status, 'RssFile'),
    peak: field(status, 'VmHWM'),
    pss: field(rollup, 'Pss'),
    malloc: field(heapMapping(pid), 'Anonymous'),
  }
}

function heapMapping(pid) {
  const smaps = readFileSync(`/proc/${pid}/smaps`, 'utf8')
  const from = smaps.indexOf('[heap]')
  return from < 0 ? 'Anonymous: 0 kB' : smaps.slice(from)
}

export function threadCount(pid) {
  return readdirSync(`/proc/${pid}/task`).length
}

export function fdCount(pid) {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** Times the scheduler took a process off a CPU because it waited: how often it was woken, nearly. */
export function wakeups(pid) {
  let total = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8')
    total += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1])
  }
  return total
}
