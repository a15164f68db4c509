import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { CgroupOpening, CgroupOptions } from './cgroup-source.js'
import type { OnRecords, ReaderOptions, SignalOptions, SignalParser, SignalReader } from './signal-source.js'

/** The native addon's typed surface. */
export interface Native {
  createSignalReader(options: ReaderOptions, onRecords: OnRecords): SignalReader
  createSignalParser(options: SignalOptions): SignalParser
  createCgroupReader(options: CgroupOptions): CgroupOpening
  /** CLOCK_REALTIME and CLOCK_BOOTTIME read back to back: turns boot-relative times into wall-clock ones. */
  clockPair(): { readonly realtimeNs: bigint; readonly boottimeNs: bigint }
  /** Peer of a connected unix socket (SO_PEERCRED, unix(7)). */
  peerCredentials(fd: number): { readonly pid: number; readonly uid: number; readonly gid: number }
  /** sd_notify(3): true when the service manager's socket took it; false when NOTIFY_SOCKET is not set or fails. */
  notify(state: string): boolean
}

/** Loads the addon, or says why that failed and what to do. Never throws. */
export function loadNative(): { readonly native: Native } | { readonly unavailable: string } {
  throw new Error('the binding is not there yet')
}

void createRequire
void fileURLToPath
