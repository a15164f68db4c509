// The least programs beside the agent: what of its cost is the runtime's, and what reading and sending alone take.
import { createRequire } from 'node:module'
import { startCommand } from '../../test/support/start-command.mjs'
import { root } from '../lib/machine.mjs'
import { Resident } from '../lib/resident.mjs'

/** Node with the flags and variables by which the program starts itself. */
function startNode(name, argv) {
  const variables = Object.entries(startCommand.env).map(([key, value]) => `${key}=${value}`)
  const node = new Resident(name, ['/usr/bin/env', ...variables, process.execPath, ...startCommand.flags, ...argv])
  return Object.assign(node, { close: () => node.end() })
}

const idle = 'setInterval(() => {}, 1000)'

/** Node alone, waiting for a timer. */
export const startIdle = () => startNode('idle', ['-e', idle])

/** The same with the addon. */
export function startIdleWithAddon() {
  const file = createRequire(import.meta.url)('node-gyp-build').resolve(root.replace(/\/$/, ''))
  return startNode('idle with the addon', ['-e', `require(${JSON.stringify(file)}); ${idle}`])
}

/**
 * consumers/floor.mjs on a lab.
 *
 * @param traffic what it sends, of `trafficOf`
 * @param file `[path, 'sync' | 'libuv']`, where each batch is to be written
 */
export function startFloor({ busAddress, cgroupRoot }, otlpAddress, traffic, file = []) {
  const argv = [
    `${root}bench/consumers/floor.mjs`,
    busAddress,
    cgroupRoot,
    otlpAddress,
    JSON.stringify(traffic),
    ...file,
  ]
  const floor = startNode('floor', argv)
  return Object.assign(floor, {
    /** What it has done until now. */
    counts() {
      floor.tell('counts')
      return floor.answer()
    },
  })
}

/** Requests a second of each signal, and the mean of their bytes: what a sink took in so many milliseconds. */
export function trafficOf({ requests, bytesOf }, ms) {
  return Object.fromEntries(
    Object.entries(requests).map(([signal, count]) => [
      signal,
      { perSecond: (count / ms) * 1000, bytes: count === 0 ? 0 : Math.round(bytesOf[signal] / count) },
    ]),
  )
}
