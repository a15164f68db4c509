import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { startPrivateBus } from '../../test/support/private-bus.mjs'
import { compile, compileGo } from './compile.mjs'
import { root } from './machine.mjs'
import { Resident } from './resident.mjs'
import { traffic } from './traffic.mjs'

/** Programs that listen to systemd's signals; each says what it counted (bench/native/consumer.h). */
const consumers = {
  'sd-bus': () => [compile('consume_sd_bus', ['systemd'])],
  libdbus: () => [compile('consume_libdbus', ['dbus'])],
  'raw reader': () => [compile('consume_raw')],
  godbus: () => [compileGo('godbus')],
  'dbus-next': () => [process.execPath, `${root}bench/consumers/dbus-next.mjs`],
  unitscope: () => [process.execPath, `${root}bench/consumers/unitscope.mjs`],
}

/** 1,000 units are a large host. */
const kUnits = 1000
/** Signals before the counted ones, as fast as they go: each unit's pair once, so that nothing is new to anybody. */
const kWarmUp = 2 * kUnits
/** Between them: who adapts to the rate is to meet a quiet bus, not the end of a flood. */
const kCalmMs = 200
/** A sender that missed more than this did not keep its rate: something else had the CPU. The run is made again. */
const kMaxRateError = 0.03
const kTries = 3
/** A launcher hears of its broker's end at once. */
const kReapMs = 1000

const buses = new Set()
process.once('exit', () => {
  for (const { pid } of buses) process.kill(pid, 'SIGKILL')
})

/** A private bus, somebody who sends what systemd would, and consumers, one of which listens at a time. */
export class Flood {
  #bus
  #systemd
  #listeners = new Map()

  /**
   * @param {import('../../test/support/private-bus.d.mts').BusKind} kind
   * @param {number} units
   */
  static async start(kind, units = kUnits) {
    const flood = new Flood()
    const program = compile('fake_systemd', ['systemd'])
    const stories = await traffic()
    flood.#bus = await startPrivateBus(kind)
    buses.add(flood.#bus)
    try {
      flood.#systemd = new Resident('fake_systemd', [program, flood.#bus.address, stories, `${units}`])
      await flood.#systemd.expect('ready')
      return flood
    } catch (error) {
      await flood.end()
      throw error
    }
  }

  get address() {
    return this.#bus.address
  }

  /**
   * Sends signals, and says how it went: `sent`, `changes`, and when (CLOCK_MONOTONIC, us).
   *
   * @param {number} signals an even number
   * @param {number} rate a second; 0: as fast as the bus takes them
   */
  async send(signals, rate, marker = 'bench-none.service') {
    this.#systemd.tell(`flood ${signals} ${rate} ${marker}`)
    return this.#systemd.answer()
  }

  /** So many units go, and others come in their places. @param {number} units */
  async renew(units) {
    this.#systemd.tell(`renew ${units}`)
    return this.#systemd.answer()
  }

  /**
   * One consumer listens to so many signals. Its figures; `rate`, the signals per second from the first to the last that it
   * had; `senderLateMs`, by how much the sender missed its plan at worst. It must have counted each, and the sender must have kept the rate.
   *
   * @param {keyof typeof consumers} name
   * @param {{signals: number, rate: number, argv?: readonly string[]}} options argv: options of the consumer
   */
  async listen(name, options) {
    for (let left = kTries; ; left--) {
      const figures = await this.#listenOnce(name, options)
      if (figures.sentRate >= options.rate * (1 - kMaxRateError)) return figures
      if (left === 1)
        throw new Error(`the sender reached ${Math.round(figures.sentRate)} of ${options.rate} signals a second`)
    }
  }

  async #listenOnce(name, { signals, rate, argv = [] }) {
    const consumer = this.#listener(name, argv)
    consumer.tell('run')
    await consumer.expect('ready')
    await this.send(kWarmUp, 0, 'bench-begin.service')
    await consumer.expect('begun')
    await sleep(kCalmMs)
    const told = await this.send(signals, rate, 'bench-end.service')
    const figures = await consumer.answer()
    if (figures.signals !== told.sent) throw new Error(`${name} counted ${figures.signals} of ${told.sent} signals`)
    // What a full ring dropped is told as lost.
    if (figures.changes !== undefined && figures.changes !== told.changes && !figures.lost)
      throw new Error(`${name} saw ${figures.changes} of ${told.changes} changes`)
    const rateUntil = (endUs) => (told.sent / (endUs - told.startUs)) * 1e6
    const senderLateMs = told.lateUs / 1000
    return { ...figures, senderLateMs, rate: rateUntil(figures.endUs), sentRate: rateUntil(told.endUs) }
  }

  /** What the bus itself holds, bytes; the highest is since `watchMemory` was called. */
  busMemory() {
    const text = readFileSync(`/proc/${this.#busPid()}/status`, 'latin1')
    const bytes = (key) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)[1]) * 1024
    return { now: bytes('VmRSS'), highest: bytes('VmHWM') }
  }

  /** Forgets the highest so far (proc(5), clear_refs). */
  watchMemory() {
    writeFileSync(`/proc/${this.#busPid()}/clear_refs`, '5')
  }

  async end() {
    await Promise.all([...this.#listeners.values(), this.#systemd].map((resident) => resident?.end()))
    await this.#endBroker()
    await this.#bus.kill()
    buses.delete(this.#bus)
  }

  #listener(name, argv) {
    const key = [name, ...argv].join(' ')
    const known = this.#listeners.get(key)
    if (known !== undefined) return known
    const started = new Resident(key, [...consumers[name](), this.address, ...argv])
    this.#listeners.set(key, started)
    return started
  }

  /** Before its launcher, which then waits for it: else its CPU time would be nobody's, and count as other processes'. */
  async #endBroker() {
    const pid = this.#busPid()
    if (pid === this.#bus.pid) return
    process.kill(pid, 'SIGKILL')
    for (const until = performance.now() + kReapMs; existsSync(`/proc/${pid}`) && performance.now() < until; )
      await sleep(2)
  }

  /** dbus-broker is the child of its launcher. */
  #busPid() {
    const children = readFileSync(`/proc/${this.#bus.pid}/task/${this.#bus.pid}/children`, 'latin1').trim().split(' ')
    const broker = children.find((pid) => pid !== '' && readFileSync(`/proc/${pid}/comm`, 'latin1') === 'dbus-broker\n')
    return broker === undefined ? this.#bus.pid : Number(broker)
  }
}
