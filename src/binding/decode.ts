import type { SignalRecord, UnitState } from '../data/signal-record.js'
import { header, headerBytes, invocationIdBytes, recordKinds, state, stateBytes } from './layout.js'

/** Text of a symbol id. */
export type SymbolText = (id: number) => string

const kTwo32 = 2 ** 32

/**
 * Decodes whole records, as the native side drains them, into plain objects.
 *
 * Objects are made here and not in C++, where each property costs a call: 17 to 26 times as much for the same object.
 *
 * @param bytes exactly what was drained
 * @throws {Error} on bytes that are no records: the addon and this file are of different builds
 */
export function decodeRecords(bytes: Buffer, symbol: SymbolText): SignalRecord[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const records: SignalRecord[] = []
  for (let at = 0; at < bytes.length; ) {
    const size = at + headerBytes <= bytes.length ? view.getUint32(at + header.size, true) : 0
    if (size < headerBytes || at + size > bytes.length) throw new Error(`no record at byte ${at}: rebuild the addon`)
    records.push(decodeRecord(bytes, view, at, symbol))
    at += size
  }
  return records
}

function decodeRecord(bytes: Buffer, view: DataView, at: number, symbol: SymbolText): SignalRecord {
  const kind = recordKinds[view.getUint8(at + header.kind)]
  const realtimeNs = view.getBigUint64(at + header.realtimeNs, true)
  const boottimeNs = view.getBigUint64(at + header.boottimeNs, true)
  const value = view.getUint32(at + header.value, true)
  const textAt = at + headerBytes + (kind === 'unit_changed' ? stateBytes : 0)
  // Names are ASCII by systemd's rules, which the native side has checked.
  const text = bytes.toString('latin1', textAt, textAt + view.getUint16(at + header.textBytes, true))
  switch (kind) {
    case 'unit_changed':
      return { kind, realtimeNs, boottimeNs, unit: text, state: decodeState(bytes, view, at + headerBytes, symbol) }
    case 'unit_new':
    case 'unit_removed':
      return { kind, realtimeNs, boottimeNs, unit: text }
    case 'job_new':
      return { kind, realtimeNs, boottimeNs, unit: text, jobId: value }
    case 'job_removed': {
      const result = symbol(view.getUint16(at + header.symbol, true))
      return { kind, realtimeNs, boottimeNs, unit: text, jobId: value, result }
    }
    case 'reloading':
      return { kind, realtimeNs, boottimeNs, active: value === 1 }
    case 'owner_changed':
      return { kind, realtimeNs, boottimeNs, present: value === 1 }
    case 'lost':
      return { kind, realtimeNs, boottimeNs, count: value }
    case 'disconnected':
      return { kind, realtimeNs, boottimeNs, reason: text }
    case 'unit_files_changed':
    case 'connected':
      return { kind, realtimeNs, boottimeNs }
    case undefined:
      throw new Error(`unknown record kind at byte ${at}: rebuild the addon`)
  }
}

function decodeState(bytes: Buffer, view: DataView, at: number, symbol: SymbolText): UnitState {
  const u32 = (offset: number): number => view.getUint32(at + offset, true)
  // Microseconds since 1970 stay below 2^53 until the year 2255; "infinity" (2^64-1) is rounded, and is a sentinel anyway.
  const usec = (offset: number): number => u32(offset) + u32(offset + 4) * kTwo32
  return {
    activeState: symbol(view.getUint16(at + state.activeState, true)),
    subState: symbol(view.getUint16(at + state.subState, true)),
    result: symbol(view.getUint16(at + state.result, true)),
    jobId: u32(state.jobId),
    mainPid: u32(state.mainPid),
    controlPid: u32(state.controlPid),
    nRestarts: u32(state.nRestarts),
    execMainPid: u32(state.execMainPid),
    execMainCode: view.getInt32(at + state.execMainCode, true),
    execMainStatus: view.getInt32(at + state.execMainStatus, true),
    invocationId: decodeInvocationId(bytes, at + state.invocationId),
    conditionResult: view.getUint8(at + state.conditionResult) === 1,
    assertResult: view.getUint8(at + state.assertResult) === 1,
    stateChangeUsec: usec(state.stateChangeUsec),
    inactiveExitUsec: usec(state.inactiveExitUsec),
    activeEnterUsec: usec(state.activeEnterUsec),
    activeExitUsec: usec(state.activeExitUsec),
    inactiveEnterUsec: usec(state.inactiveEnterUsec),
    execMainStartUsec: usec(state.execMainStartUsec),
    execMainExitUsec: usec(state.execMainExitUsec),
    lastTriggerUsec: usec(state.lastTriggerUsec),
    conditionUsec: usec(state.conditionUsec),
  }
}

const kNoInvocation = '0'.repeat(invocationIdBytes * 2)

function decodeInvocationId(bytes: Buffer, at: number): string {
  const hex = bytes.toString('hex', at, at + invocationIdBytes)
  return hex === kNoInvocation ? '' : hex
}
