import type { SignalRecord, UnitState } from '../data/signal-record.js'
import { header, headerBytes, invocationIdBytes, recordKinds, state, stateBytes } from './layout.js'

/** Text of a symbol id. */
export type SymbolText = (id: number) => string

const kTwo32 = 2 ** 32

/**
 * Decodes records, as the native side drains them, into plain objects; one decoder for one source, for it remembers.
 *
 * Objects are made here and not in C++, where each property costs a call: 17 to 26 times as much for the same object. What
 * comes again is made once: the name of a unit, and the clock readings, which all records of one read(2) share.
 */
export class RecordDecoder {
  readonly #bytes: Buffer
  readonly #view: DataView
  readonly #symbol: SymbolText
  #at = 0
  #end = 0
  /** By unit id; no longer than the native table, which gives the smallest ids that are free. */
  readonly #names: { readonly generation: number; readonly name: string }[] = []
  readonly #realtime: Reading = { low: 0, high: 0, ns: 0n }
  readonly #boottime: Reading = { low: 0, high: 0, ns: 0n }

  /** @param bytes - where records will lie; see `load` */
  constructor(bytes: Buffer, symbol: SymbolText) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#symbol = symbol
  }

  /** From here on `next` reads the first `size` bytes, which are whole records. */
  load(size: number): void {
    this.#at = 0
    this.#end = size
  }

  /**
   * The next record; undefined when all were read.
   *
   * @throws {Error} on bytes that are no records: the addon and this file are of different builds
   */
  next(): SignalRecord | undefined {
    const at = this.#at
    if (at === this.#end) return undefined
    const size = at + headerBytes <= this.#end ? this.#view.getUint32(at + header.size, true) : 0
    if (size < headerBytes || at + size > this.#end) throw new Error(`no record at byte ${at}: rebuild the addon`)
    this.#at += size
    return this.#decode(at)
  }

  #decode(at: number): SignalRecord {
    const view = this.#view
    const kind = recordKinds[view.getUint8(at + header.kind)]
    const realtimeNs = this.#clock(this.#realtime, at + header.realtimeNs)
    const boottimeNs = this.#clock(this.#boottime, at + header.boottimeNs)
    const value = view.getUint32(at + header.value, true)
    switch (kind) {
      case 'unit_changed': {
        const state = decodeState(this.#bytes, view, at + headerBytes, this.#symbol)
        return { kind, realtimeNs, boottimeNs, unit: this.#unit(at, at + headerBytes + stateBytes), state }
      }
      case 'unit_new':
      case 'unit_removed':
        return { kind, realtimeNs, boottimeNs, unit: this.#unit(at, at + headerBytes) }
      case 'job_new':
        return { kind, realtimeNs, boottimeNs, unit: this.#unit(at, at + headerBytes), jobId: value }
      case 'job_removed': {
        const result = this.#symbol(view.getUint16(at + header.symbol, true))
        return { kind, realtimeNs, boottimeNs, unit: this.#unit(at, at + headerBytes), jobId: value, result }
      }
      case 'reloading':
        return { kind, realtimeNs, boottimeNs, active: value === 1 }
      case 'owner_changed':
        return { kind, realtimeNs, boottimeNs, present: value === 1 }
      case 'lost':
        return { kind, realtimeNs, boottimeNs, count: value }
      case 'disconnected':
        return { kind, realtimeNs, boottimeNs, reason: this.#text(at, at + headerBytes) }
      case 'unit_files_changed':
      case 'connected':
        return { kind, realtimeNs, boottimeNs }
      case undefined:
        throw new Error(`unknown record kind at byte ${at}: rebuild the addon`)
    }
  }

  /** The name of the record's unit, whose text is at `textAt`. */
  #unit(at: number, textAt: number): string {
    const id = this.#view.getUint32(at + header.unitId, true)
    if (id === 0) return this.#text(at, textAt)
    const generation = this.#view.getUint32(at + header.generation, true)
    const known = this.#names[id]
    if (known?.generation === generation) return known.name
    const name = this.#text(at, textAt)
    this.#names[id] = { generation, name }
    return name
  }

  /** Names are ASCII by systemd's rules, which the native side has checked. */
  #text(at: number, textAt: number): string {
    return this.#bytes.toString('latin1', textAt, textAt + this.#view.getUint16(at + header.textBytes, true))
  }

  #clock(last: Reading, at: number): bigint {
    const low = this.#view.getUint32(at, true)
    const high = this.#view.getUint32(at + 4, true)
    if (low !== last.low || high !== last.high) {
      last.low = low
      last.high = high
      last.ns = this.#view.getBigUint64(at, true)
    }
    return last.ns
  }
}

/** A clock's reading, with the halves that tell whether the next one is the same without a bigint for it. */
interface Reading {
  low: number
  high: number
  ns: bigint
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
