import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import nodeGypBuild from 'node-gyp-build'
import { packageFile } from '../util/package.js'
import { type CgroupAddon, openCgroupReader } from './cgroup-reader.js'
import type { CgroupOpening, CgroupOptions, OnKills, OnStalls } from './cgroup-source.js'
import { createSignalParser, createSignalReader, type RawSignals } from './signal-reader.js'
import type { OnRecords, ParserOptions, ReaderOptions, SignalParser, SignalReader } from './signal-source.js'

/** The native addon's typed surface. */
export interface Native {
  createSignalReader(options: ReaderOptions, onRecords: OnRecords): SignalReader
  createSignalParser(options: ParserOptions): SignalParser
  /** `onStalls` is told of the pressure triggers that were armed, `onKills` of processes killed for want of memory. */
  createCgroupReader(options: CgroupOptions, onStalls?: OnStalls, onKills?: OnKills): CgroupOpening
  /** Measures the turns of this thread's event loop from now on, without waking it: 0.1 us for each. Close it. */
  watchEventLoop(): LoopWatch
  /** CLOCK_REALTIME and CLOCK_BOOTTIME read back to back: turns boot-relative times into wall-clock ones. */
  clockPair(): { readonly realtimeNs: bigint; readonly boottimeNs: bigint }
  /** Peer of a connected unix socket (SO_PEERCRED, unix(7)). Throws when `fd` is none. */
  peerCredentials(fd: number): { readonly pid: number; readonly uid: number; readonly gid: number }
  /** Gives what malloc(3) holds free back to the kernel, malloc_trim(3): about a millisecond. A no-op without glibc. */
  releaseFreeMemory(): void
  /** Locks an open file against every other opening of it, flock(2): false when another has it. Ends with the descriptor. */
  lockFile(fd: number): boolean
  /** sd_notify(3): true when the service manager's socket took it; false when NOTIFY_SOCKET is not set or fails. */
  notify(state: string): boolean
}

/** Turns of the event loop, each from the end of one wait to the beginning of the next: what came meanwhile waited as long at most. */
export interface LoopTurns {
  readonly meanSeconds: number
  /** 99th percentile, at most an eighth too large. */
  readonly p99Seconds: number
  readonly maxSeconds: number
}

export interface LoopWatch {
  /** Of the turns that ended since the last call; undefined when there was none. */
  read(): LoopTurns | undefined
  /** Safe twice. */
  close(): void
}

export type Loaded = { readonly native: Native } | { readonly unavailable: string }

/** The small helpers as the addon has them; a number is an errno. */
interface RawHelpers extends Pick<Native, 'clockPair' | 'releaseFreeMemory'> {
  peerCredentials(fd: number): ReturnType<Native['peerCredentials']> | number
  lockFile(fd: number): number
  notify(address: string, state: string): number
}

interface RawLoopWatches {
  LoopWatch: new () => { read(): readonly [number, number, number] | undefined; close(): void }
}

type Raw = RawSignals & CgroupAddon & RawHelpers & RawLoopWatches

/**
 * Loads the addon, or says why that failed and what to do. Never throws.
 *
 * Looks where node-gyp-build does: `build/Release`, `build/Debug` (built here), then `prebuilds/` (shipped).
 */
export function loadNative(root: string = packageFile('.')): Loaded {
  const require = createRequire(import.meta.url)
  let tried = `${root} (build/Release, build/Debug, prebuilds/${process.platform}-${process.arch})`
  try {
    tried = nodeGypBuild.resolve(root)
    return { native: surface(require(tried) as Raw) }
  } catch (error) {
    return { unavailable: explain(tried, error) }
  }
}

function explain(tried: string, error: unknown): string {
  const first = (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]
  return (
    `the native addon cannot be loaded: ${first}; looked in ${tried}; ` +
    `needed is one for ${process.platform}-${process.arch}, Node-API 8. ` +
    'Run "npm run build:native" (needs g++ >= 10, make and python3)'
  )
}

function surface(raw: Raw): Native {
  return {
    createSignalReader: (options, onRecords) => createSignalReader(raw, options, onRecords),
    createSignalParser: (options) => createSignalParser(raw, options),
    createCgroupReader: (options, onStalls = () => {}, onKills = () => {}) =>
      openCgroupReader(raw, options, onStalls, onKills),
    watchEventLoop() {
      const watch = new raw.LoopWatch()
      return {
        read() {
          const turns = watch.read()
          if (turns === undefined) return undefined
          const [meanSeconds, p99Seconds, maxSeconds] = turns
          return { meanSeconds, p99Seconds, maxSeconds }
        },
        close: () => watch.close(),
      }
    },
    clockPair: () => raw.clockPair(),
    releaseFreeMemory: () => raw.releaseFreeMemory(),
    peerCredentials(fd) {
      const peer = raw.peerCredentials(fd)
      if (typeof peer === 'number') throw new Error(`descriptor ${fd} has no peer: ${getSystemErrorName(-peer)}`)
      return peer
    },
    lockFile(fd) {
      const error = raw.lockFile(fd)
      if (error !== 0 && error !== constants.errno.EWOULDBLOCK)
        throw new Error(`descriptor ${fd} cannot be locked: ${getSystemErrorName(-error)}`)
      return error === 0
    },
    notify(state) {
      const address = process.env['NOTIFY_SOCKET']
      return address !== undefined && raw.notify(address, state) === 0
    },
  }
}
