import { constants } from 'node:os'
import type { UnitState } from '../../data/signal-record.js'

/** How a main process ended: by exit code, or by a signal named as in signal(7). */
export type ProcessExit = { readonly code: number } | { readonly signal: string; readonly coreDumped: boolean }

// si_code of waitid(2), as systemd passes it in ExecMainCode.
const kExited = 1
const kKilled = 2
const kDumped = 3

const signalNames = new Map<number, string>()
for (const [name, number] of Object.entries(constants.signals)) {
  // Aliases follow their main name (SIGIOT after SIGABRT), so the first one stays.
  if (!signalNames.has(number)) signalNames.set(number, name)
}

/** First real-time signal that glibc leaves to programs (signal(7)); the kernel's own 32 and 33 belong to threads. */
const kSigRtMin = 34

/** Name of a signal: `SIGSEGV`, `SIGRTMIN+3`; `SIG<number>` where there is none. */
export function signalName(number: number): string {
  const name = signalNames.get(number)
  if (name !== undefined) return name
  if (number >= kSigRtMin && number <= 64) return number === kSigRtMin ? 'SIGRTMIN' : `SIGRTMIN+${number - kSigRtMin}`
  return `SIG${number}`
}

/** How the unit's last main process ended; undefined while it runs or when there was none. */
export function processExit(state: UnitState): ProcessExit | undefined {
  switch (state.execMainCode) {
    case kExited:
      return { code: state.execMainStatus }
    case kKilled:
    case kDumped:
      return { signal: signalName(state.execMainStatus), coreDumped: state.execMainCode === kDumped }
    default:
      return undefined
  }
}
