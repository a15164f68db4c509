import { existsSync } from 'node:fs'
import { whyNot } from '../../test/support/private-bus.mjs'
import { Flood } from './flood.mjs'

/** @typedef {import('./case.d.mts').Point & {bus: import('../../test/support/private-bus.d.mts').BusKind, rate: number, signals?: number}} BusPoint */

const names = { 350: '350/s', 1000: '1 k/s', 10000: '10 k/s', 0: 'flat out' }
/** Somewhat less than a second each; flat out half of one. */
const kSignals = { 350: 280, 1000: 800, 10000: 8000, 0: 30_000 }

/** @param {readonly string[]} buses @param {readonly number[]} rates signals a second; 0: flat out @returns {BusPoint[]} */
export function busPoints(buses, rates) {
  return buses.flatMap((bus) => rates.map((rate) => ({ name: `${names[rate]}, ${bus}`, bus, rate })))
}

/** What the baselines of a case need; without them their rows say so. */
const needs = {
  'sd-bus': '/usr/include/systemd/sd-bus.h',
  libdbus: '/usr/include/dbus-1.0/dbus/dbus.h',
  godbus: '/usr/share/gocode/src/github.com/godbus/dbus/conn.go',
}

/**
 * A way that listens to signals on a bus.
 *
 * @param {string} name
 * @param {string} consumer one of those of flood.mjs
 * @param {(told: Record<string, number>, signals: number) => Record<string, number>} figures of what a run told
 * @param {readonly string[]} argv options of the consumer
 * @returns {import('./case.d.mts').Way<Listening, BusPoint>}
 */
export function listener(name, consumer, figures, argv = []) {
  return {
    name,
    skip: ({ bus }) => whyNot(bus) ?? missing(needs[consumer]),
    async run({ flood, rate, signals }, { quick }) {
      const count = quick ? signals / 2 : signals
      return figures(await flood.listen(consumer, { signals: count, rate, argv }), count)
    },
  }
}

function missing(path) {
  return path === undefined || existsSync(path) ? undefined : `${path} is not there`
}

/** @typedef {{flood: Flood, rate: number, signals: number}} Listening */

/** What such a case sets up and takes down at each point; `unavailable` where the sender itself cannot be built. */
export const listening = {
  unavailable: () => missing(needs['sd-bus']),
  /** @param {BusPoint} point @returns {Promise<Listening | undefined>} */
  async setUp({ bus, rate, signals = kSignals[rate] }) {
    if (whyNot(bus) !== undefined) return undefined
    return { flood: await Flood.start(bus), rate, signals }
  },
  /** @param {Listening | undefined} context */
  async tearDown(context) {
    await context?.flood.end()
  },
}
