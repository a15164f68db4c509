import assert from 'node:assert/strict'
import type { ConfigComplaint, Consumer, Factory } from '../../component/component.js'
import type { Outcome } from '../../component/outcome.js'
import type { ObjectSchema } from '../../component/schema.js'
import { type Batch, countItems, itemsOf } from '../../data/batch.js'
import { Tally } from '../../data/tally.js'
import { readTestConfig } from '../create-test-config.js'
import { type FakeClock, settle } from '../fake-clock.js'

/**
 * One promise a component must keep. Independent of any test runner:
 * `for (const { name, run } of processorContract(subject)) test(name, run)`.
 */
export interface ContractCase {
  readonly name: string
  /** Rejects, saying what was expected, when the component breaks the promise. */
  run(): Promise<void>
}

/** Real time a component may take for one step (start, shutdown); reached only by one that hangs. */
const kStepDeadlineMs = 30_000

/** Rejects when `promise` has not settled in real time; `what` opens the message. */
export async function inTime<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not end within ${kStepDeadlineMs} ms`)), kStepDeadlineMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** One step of virtual time at most, so that an hour's retry wait passes within a second. */
const kMaxVirtualStepMs = 60_000

/** Waits for `promise` while a standing clock is moved on; in between the real world (sockets, files) gets its turn. */
export async function drive<T>(what: string, clock: FakeClock, promise: Promise<T>): Promise<T> {
  let waiting = true
  const watched = promise.finally(() => {
    waiting = false
  })
  watched.catch(() => {}) // awaited below; until then its rejection is not unhandled
  await settle()
  const deadline = performance.now() + kStepDeadlineMs
  for (let stepMs = 100; waiting && performance.now() < deadline; stepMs = Math.min(stepMs * 2, kMaxVirtualStepMs)) {
    await clock.advance(stepMs)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  return inTime(what, watched)
}

/** The end of a pipeline: answers as told and keeps the ledger of what it was offered. */
export class LedgerConsumer implements Consumer {
  calls = 0
  /** Items answered `ok` or `permanent`: whoever offered them is rid of them. */
  taken = 0
  /** The same by signal. */
  readonly signals = new Tally()
  /** Items answered `retryable`: they are still with the one who offered them. */
  refused = 0
  respond: (call: number) => Outcome

  constructor(respond: (call: number) => Outcome) {
    this.respond = respond
  }

  async consume(batch: Batch): Promise<Outcome> {
    const outcome = this.respond(this.calls++)
    if (outcome.kind === 'retryable') this.refused += countItems(batch)
    else {
      this.taken += countItems(batch)
      this.signals.add(itemsOf(batch))
    }
    return outcome
  }
}

/** A configuration as in YAML; a function makes fresh resources (a port, a file) for each case. */
export type WrittenConfig = unknown | (() => Promise<unknown>)

/** What every subject of a suite has. */
export interface Subject<F extends Factory> {
  readonly factory: F
  readonly config?: WrittenConfig
}

/** The configuration its component gets, valid by the schema. */
export async function configOf({ factory, config }: Subject<Factory>): Promise<never> {
  return readTestConfig(factory.configSchema, typeof config === 'function' ? await config() : config) as never
}

/** Promises every factory keeps, whatever its kind. */
export function factoryCases(subject: Subject<Factory>): readonly ContractCase[] {
  const head = subject.factory
  return [
    {
      name: 'its test configuration passes its own check',
      async run() {
        const config = await configOf(subject)
        const complaints: readonly ConfigComplaint[] = subject.factory.check?.(config) ?? []
        assert.deepEqual(complaints, [])
      },
    },
    {
      name: 'type is lower snake case and the description is one sentence for an operator',
      async run() {
        assert.match(head.type, /^[a-z][a-z0-9_]*$/)
        assert.match(head.description, /^[A-Z0-9][^\n]{9,}$/)
      },
    },
    {
      name: 'every option says what it does',
      async run() {
        for (const [key, description] of descriptions(head.configSchema, ''))
          assert.ok(description.length >= 8, `option ${key} has no description`)
      },
    },
    {
      name: 'an unknown key is refused by name',
      async run() {
        assert.throws(() => readTestConfig(head.configSchema, { no_such_option: 1 }), /no_such_option/)
      },
    },
    {
      name: 'every default is valid by its own schema',
      async run() {
        for (const [key, part] of Object.entries(head.configSchema.properties))
          if (part.default !== undefined)
            readTestConfig(
              { type: 'object', description: 'one option', properties: { [key]: part } },
              { [key]: part.default },
            )
      },
    },
  ]
}

function* descriptions(schema: ObjectSchema, path: string): Generator<readonly [string, string]> {
  for (const [key, part] of Object.entries(schema.properties)) {
    yield [path + key, part.description]
    const inner = 'type' in part && part.type === 'array' ? part.items : part
    if ('properties' in inner) yield* descriptions(inner, `${path}${key}.`)
  }
}
