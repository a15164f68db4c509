import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import { waitFor } from '../lab/lab.js'

/**
 * A network of its own at the far end of a cable (veth(4)), on which a backend can live; the agent stays where it is. Unlike a process
 * that is stopped, its kernel does not answer either once the cable is cut. Needs root.
 */
export class FarNetwork {
  readonly #holder: ChildProcess
  readonly #cable: string
  /** Addresses of the two ends. */
  readonly #here: string
  readonly there: string

  private constructor(holder: ChildProcess) {
    const pid = holder.pid!
    this.#holder = holder
    this.#cable = `far${pid}`
    // Of the networks for measurements (RFC 2544), four addresses for each: tests of two checkouts do not meet.
    const base = `198.18.${(pid >> 6) & 255}`
    this.#here = `${base}.${(pid & 63) * 4 + 1}`
    this.there = `${base}.${(pid & 63) * 4 + 2}`
  }

  static async open(): Promise<FarNetwork> {
    const far = new FarNetwork(spawn('unshare', ['--net', 'sleep', 'infinity'], { stdio: 'ignore' }))
    try {
      await far.#connect()
    } catch (error) {
      await far.close()
      throw error
    }
    return far
  }

  async #connect(): Promise<void> {
    const own = readlinkSync('/proc/self/ns/net')
    const pid = String(this.#holder.pid)
    await waitFor('the network', () => readlinkSync(`/proc/${pid}/ns/net`) !== own)
    ip('link', 'add', this.#cable, 'type', 'veth', 'peer', 'name', 'far', 'netns', pid)
    ip('address', 'add', `${this.#here}/30`, 'dev', this.#cable)
    ip('link', 'set', this.#cable, 'up')
    this.#ipThere('address', 'add', `${this.there}/30`, 'dev', 'far')
    this.#ipThere('link', 'set', 'far', 'up')
  }

  /** What a program runs behind to live there. */
  get around(): readonly string[] {
    return ['nsenter', '-t', String(this.#holder.pid), '--net']
  }

  /** From now on nothing comes back from there, not even a refusal: packets vanish. */
  cut(): void {
    this.#ipThere('route', 'add', 'blackhole', `${this.#here}/32`)
  }

  mend(): void {
    this.#ipThere('route', 'delete', 'blackhole', `${this.#here}/32`)
  }

  /** Once nobody lives there any more. */
  async close(): Promise<void> {
    if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) return
    const gone = new Promise((resolve) => this.#holder.once('exit', resolve))
    this.#holder.kill('SIGKILL')
    await gone
  }

  #ipThere(...argv: readonly string[]): void {
    const [file, ...around] = this.around as [string, ...string[]]
    execFileSync(file, [...around, 'ip', ...argv])
  }
}

function ip(...argv: readonly string[]): void {
  execFileSync('ip', argv)
}
