import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const running = new Set()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A program that stays, and answers lines of its standard input with lines. */
export class Resident {
  #child
  #lines
  #name
  #failure

  /** @param {string} name @param {readonly string[]} argv */
  constructor(name, argv) {
    this.#name = name
    this.#child = spawn(argv[0], argv.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.on('error', (error) => {
      this.#failure = error
    })
    this.#child.stdin.on('error', () => {
      // It has ended; the next line that is waited for says so.
    })
    running.add(this.#child)
    this.#child.once('close', () => running.delete(this.#child))
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]()
  }

  get pid() {
    return this.#child.pid
  }

  /** @param {string} line */
  tell(line) {
    this.#child.stdin.write(`${line}\n`)
  }

  /** The next line it says, which must be this one. @param {string} line */
  async expect(line) {
    const said = await this.#next()
    if (said !== line) throw new Error(`${this.#name} said ${JSON.stringify(said)} instead of "${line}"`)
  }

  /** The next line it says, parsed. */
  async answer() {
    return JSON.parse(await this.#next())
  }

  async #next() {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error(`${this.#name} has ended${this.#failure ? `: ${this.#failure.message}` : ''}`)
    return value
  }

  /** Ends it, and waits for that. */
  async end() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined) return
    const gone = new Promise((resolve) => this.#child.once('close', resolve))
    this.#child.kill('SIGKILL')
    await gone
  }
}
