// What a hostile bus says on its connections: the seeds of the fuzz targets, and changed ones. A script follows from its
// number alone, so that both ends of a connection know it.
import { readdirSync, readFileSync } from 'node:fs'

const corpus = new URL('../fuzz/corpus/', import.meta.url)
/** A mutation changes up to this many places. */
const kMaxChanges = 4
/** What lengths and counts in messages are easily wrong at. */
const kEdges = [
  0, 1, 2, 7, 8, 127, 128, 255, 256, 0xffff, 0x01000000, 0x04000000, 0x04000001, 0x08000000, 0x7fffffff, 0xffffffff,
]

/** @typedef {{name: string, bytes: Buffer}} Seed */

/** Numbers that follow from `seed` (mulberry32). */
export function randomOf(seed) {
  let state = seed >>> 0
  /** 0 to `end` - 1 */
  return (end) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * end)
  }
}

/**
 * @param {string} target  a folder of the corpus
 * @param {number} skip  bytes at the front of each input which are no part of what is sent
 * @returns {Seed[]}
 */
function seedsOf(target, skip) {
  const folder = new URL(`${target}/`, corpus)
  const all = readdirSync(folder).sort()
  return all.map((name) => ({ name: `${target}/${name}`, bytes: readFileSync(new URL(name, folder)).subarray(skip) }))
}

/** Bytes a bus sends after the handshake, and answers to the handshake. */
export function loadSeeds() {
  // The first byte of a stream's input says how a fuzz target cuts it.
  return { streams: [...seedsOf('dbus_message', 0), ...seedsOf('dbus_stream', 1)], answers: seedsOf('dbus_auth', 0) }
}

/** A copy of `bytes` with a few changes. */
export function mutate(bytes, random) {
  let out = Buffer.from(bytes)
  for (let changes = 1 + random(kMaxChanges); changes > 0; changes--) {
    const at = random(out.length)
    switch (random(5)) {
      case 0:
        out[at] ^= 1 << random(8)
        break
      case 1:
        out[at] = random(256)
        break
      case 2:
        if (out.length >= 4) out.writeUInt32LE(kEdges[random(kEdges.length)], Math.min(at & ~3, out.length - 4))
        break
      case 3:
        out = Buffer.concat([out.subarray(0, at), out.subarray(Math.min(out.length, at + 1 + random(8)))])
        break
      default:
        out = Buffer.concat([out.subarray(0, at), out.subarray(random(out.length), out.length)])
    }
    if (out.length === 0) return Buffer.from(bytes)
  }
  return out
}

/**
 * One connection. `answer`: what the handshake is answered with, when that is what is wrong. `parts`: messages that each cost
 * themselves alone, and a last one that may cost the connection.
 *
 * @typedef {{answer: Buffer | undefined, parts: Buffer[]}} Script
 */

/** @returns {(connection: number) => Script} */
export function createScripts({ streams, answers }, harmless, seed) {
  const any = (list, random) => list[random(list.length)]
  return (connection) => {
    const random = randomOf(seed + Math.imul(connection, 0x9e3779b1))
    if (random(50) === 0) return { answer: any(answers, random).bytes, parts: [] }
    const parts = Array.from({ length: random(5) }, () => any(harmless, random).bytes)
    const last = any(streams, random).bytes
    parts.push(random(4) === 0 ? last : mutate(last, random))
    return { answer: undefined, parts }
  }
}

/** On the control channel: say the script, then end the connection. */
export const kHangUp = 128
/** The number of a lane's n-th connection. */
export const connectionOf = (lane, n) => n * kHangUp + lane
