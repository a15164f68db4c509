import { expect, test } from 'vitest'
import { type Items, signals } from '../../../../src/data/batch.js'
import { accountSignals, Tally } from '../../../../src/data/tally.js'
import type { Storage } from '../../../../src/lib/delivery/backlog.js'
import { createDelivery, type DeliveryPolicy } from '../../../../src/lib/delivery/delivery.js'
import type { SendResult } from '../../../../src/lib/delivery/sender.js'
import { DiskQueue } from '../../../../src/lib/queue/disk-queue.js'
import type { Overflow } from '../../../../src/lib/queue/owner.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { RecordingTelemetry, seededRandom } from '../../../../src/testkit/test-settings.js'
import { SimulatedDisk } from '../../../support/simulated-disk.js'
import { delivered, down, hang } from './rig.js'

// Delivery with its queue on a disk, which outlives the process.

interface Numbers {
  readonly items: number
  readonly byteLength: number
  readonly numbers: readonly number[]
}

/** Of each signal there is something in most parcels. */
function signalsOf({ numbers }: Numbers): Items {
  const items = new Tally()
  for (const number of numbers) items[signals[number % signals.length]!]++
  return items
}

const kBytes = 100

const numbersOf = (numbers: readonly number[]): Numbers => ({
  items: numbers.length,
  byteLength: numbers.length * kBytes,
  numbers,
})

const codec: Pick<Storage<Numbers>, 'entryOf' | 'parcelOf'> = {
  entryOf({ numbers, items, byteLength }) {
    const body = Buffer.alloc(byteLength)
    for (const [at, number] of numbers.entries()) body.writeUInt32LE(number, at * kBytes)
    return { kind: 1, items, chunks: [body], byteLength }
  },
  parcelOf: ({ kind, items, body }) =>
    kind === 1 ? numbersOf(Array.from({ length: items }, (_, at) => body.readUInt32LE(at * kBytes))) : undefined,
}

type Server = (parcel: Numbers, signal: AbortSignal) => SendResult | Promise<SendResult>

interface Part {
  readonly overflow?: Overflow
  readonly maxBytes?: number
  readonly windowItems?: number
  readonly windowBytes?: number
  readonly intervalMs?: number
  /** Told when the queue is open, and nothing of it is read. */
  readonly onOpened?: () => void
}

/** One process: what it took in, what came of it. */
async function start(disk: SimulatedDisk, server: Server, part: Part = {}) {
  const clock = new FakeClock()
  const telemetry = new RecordingTelemetry()
  const health: (string | undefined)[] = []
  const got: number[] = []
  const { overflow = 'block', maxBytes = 2 ** 20 } = part
  const policy: DeliveryPolicy = {
    queue: { maxItems: part.windowItems ?? 1000, maxBytes: part.windowBytes ?? 2 ** 22, concurrency: 2, overflow },
    retry: { initialMs: 1000, maxMs: 30_000, multiplier: 1.5, jitter: 0.5, maxElapsedMs: 0 },
    breaker: { failureThreshold: 5, openMs: 10_000 },
    shutdownMs: 5000,
  }
  const delivery = createDelivery<Numbers>({
    policy,
    send: async (parcel, signal) => {
      const result = await server(parcel, signal)
      if (result.kind === 'delivered') got.push(...parcel.numbers)
      return result
    },
    clock,
    random: seededRandom(1),
    telemetry,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    signalsOf,
    joining:
      part.intervalMs === undefined
        ? undefined
        : {
            intervalMs: () => part.intervalMs!,
            maxBytes: 256 * 1024,
            join: (parcels) => numbersOf(parcels.flatMap(({ numbers }) => numbers)),
          },
    storage: {
      ...codec,
      open: async (owner) => {
        const options = { folder: '/q', maxBytes, fsync: 'always', intervalMs: 500, overflow, clock, disk } as const
        const opened = await DiskQueue.open(options, owner)
        part.onOpened?.()
        return opened
      },
    },
    onHealth: (trouble) => health.push(trouble),
  })
  await delivery.start()
  const held = (): number => telemetry.gauges.get('queue_items')!()
  const dropped = (): number => [...telemetry.drops.values()].reduce((sum, n) => sum + n, 0)
  const takenIn = new Tally()
  const hold = async (parcels: readonly Numbers[]) => {
    const outcome = await delivery.hold(parcels)
    if (outcome.kind !== 'retryable') for (const parcel of parcels) takenIn.add(signalsOf(parcel))
    return outcome
  }
  /** `in + produced = out + dropped + held`, in all and of each signal, with what was taken in by this process. */
  const balanced = (taken: number): void => {
    expect(telemetry.processedItems + dropped() + held()).toBe(taken + telemetry.producedItems)
    const { processed, produced, dropped: lost } = telemetry.bySignal
    for (const signal of accountSignals) {
      const queued = telemetry.queued[signal] ?? 0
      expect(queued, signal).toBeGreaterThanOrEqual(0)
      expect(processed[signal] + lost[signal] + queued, signal).toBe(takenIn[signal] + produced[signal])
    }
  }
  const stop = async (): Promise<void> => {
    let over = false
    void delivery.shutdown().then(() => {
      over = true
    })
    for (let n = 0; !over && n < 1000; n++) await clock.advance(100)
    expect(over).toBe(true)
    expect(clock.pending).toBe(0)
  }
  return { delivery: { ...delivery, hold }, clock, telemetry, health, got, held, balanced, stop }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

test('what is delivered leaves nothing on the disk', async () => {
  const disk = new SimulatedDisk()
  const one = await start(disk, () => delivered)
  for (const n of upTo(50)) expect(await one.delivery.hold([numbersOf([n])])).toEqual({ kind: 'ok' })
  await one.clock.advance(10)
  expect(one.got).toEqual(upTo(50))
  expect(one.held()).toBe(0)
  await one.stop()
  expect([...disk.files.keys()]).toEqual([])
})

test('what a probe is told is the latest news: a server that is back and refuses is no longer one that is away', async () => {
  let reason = 'UNAVAILABLE: not connected'
  const one = await start(new SimulatedDisk(), () => ({ ...down, reason }))
  await one.delivery.hold([numbersOf([1])])
  await one.clock.advance(3_600_000)
  reason = 'UNAVAILABLE: JetStream is not enabled'
  await one.clock.advance(3_600_000)
  expect(one.health).toEqual([
    'UNAVAILABLE: not connected',
    'UNAVAILABLE: not connected; circuit breaker open',
    'UNAVAILABLE: JetStream is not enabled; circuit breaker open',
  ])
  await one.stop()
})

test('a server that is away: nothing is given up, a stop drops nothing, and the next start delivers it', async () => {
  const disk = new SimulatedDisk()
  const one = await start(disk, () => down)
  for (const n of upTo(50)) await one.delivery.hold([numbersOf([n])])
  await one.clock.advance(24 * 3_600_000)
  expect(one.health).toEqual(['UNAVAILABLE: down', 'UNAVAILABLE: down; circuit breaker open'])
  await one.stop()
  expect(one.telemetry.drops.size).toBe(0)
  expect(one.held()).toBe(50)
  one.balanced(50)

  const two = await start(disk, () => delivered)
  expect(two.telemetry.producedItems).toBe(50)
  await two.delivery.hold([numbersOf([50])])
  await two.clock.advance(10)
  expect([...two.got].sort((a, b) => a - b)).toEqual(upTo(51))
  two.balanced(1)
  await two.stop()
})

test('a process that is killed: what it had not delivered comes again, what it had does not', async () => {
  const disk = new SimulatedDisk()
  let answers = 20
  const one = await start(disk, (_, signal) => (answers-- > 0 ? delivered : hang(numbersOf([]), 0, signal)))
  for (const n of upTo(50)) await one.delivery.hold([numbersOf([n])])
  await one.clock.advance(10)
  expect(one.got).toHaveLength(20)
  const two = await start(disk.afterKill(), () => delivered)
  await two.clock.advance(10)
  expect([...one.got, ...two.got].sort((a, b) => a - b)).toEqual(upTo(50))
})

test('a stop delivers what it can, and does not wait for a server that hangs', async () => {
  const disk = new SimulatedDisk()
  let answers = 30
  const one = await start(disk, (_, signal) => (answers-- > 0 ? delivered : hang(numbersOf([]), 0, signal)))
  for (const n of upTo(50)) await one.delivery.hold([numbersOf([n])])
  await one.stop()
  expect(one.got).toHaveLength(30)
  expect(one.held()).toBe(20)
  one.balanced(50)
})

test('only a window of a long backlog is in memory, and all of it is delivered in the end', async () => {
  const disk = new SimulatedDisk()
  let up = false
  const one = await start(disk, () => (up ? delivered : down), { windowItems: 20 })
  for (const n of upTo(500)) await one.delivery.hold([numbersOf([n])])
  expect(one.held()).toBe(500)
  up = true
  for (let n = 0; one.held() > 0 && n < 200; n++) {
    await one.clock.advance(1000)
  }
  expect([...one.got].sort((a, b) => a - b)).toEqual(upTo(500))
  await one.stop()
})

test('a window that is smaller than what is read at once still gets its turn', async () => {
  const disk = new SimulatedDisk()
  let up = false
  const one = await start(disk, () => (up ? delivered : down), { windowBytes: 250 })
  for (const n of upTo(100)) await one.delivery.hold([numbersOf([n])])
  up = true
  for (let n = 0; one.held() > 0 && n < 200; n++) await one.clock.advance(1000)
  expect([...one.got].sort((a, b) => a - b)).toEqual(upTo(100))
  await one.stop()
})

test('what was joined into one request is settled as one, across a restart', async () => {
  const disk = new SimulatedDisk()
  const requests: number[] = []
  const one = await start(
    disk,
    ({ items }) => {
      requests.push(items)
      return delivered
    },
    { intervalMs: 100 },
  )
  for (const n of upTo(30)) await one.delivery.hold([numbersOf([n])])
  await one.clock.advance(100)
  expect(requests.length).toBeLessThan(10)
  expect(one.got).toHaveLength(30)
  const two = await start(disk.afterKill(), () => delivered)
  expect(two.telemetry.producedItems).toBe(0)
})

test('a full disk queue: each policy, and the account is even', async () => {
  for (const overflow of ['block', 'drop_oldest', 'drop_newest'] as const) {
    const disk = new SimulatedDisk()
    const one = await start(disk, () => down, { overflow, maxBytes: 16_000 })
    let taken = 0
    const kinds = new Set<string>()
    for (const n of upTo(400)) {
      const { kind } = await one.delivery.hold([numbersOf([n])])
      kinds.add(kind)
      if (kind !== 'retryable') taken++
      await one.clock.advance(100)
    }
    one.balanced(taken)
    const wanted = { block: ['ok', 'retryable'], drop_oldest: ['ok'], drop_newest: ['ok', 'permanent'] }[overflow]
    expect([...kinds].sort()).toEqual(wanted)
    expect([overflow, one.telemetry.drops.has('queue_full')]).toEqual([overflow, overflow !== 'block'])
    expect([...disk.files.values()].reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(16_000)
    await one.stop()
    const two = await start(disk, () => delivered)
    await two.clock.advance(10)
    const newest = upTo(400).slice(-50)
    if (overflow === 'drop_oldest') expect(newest.every((n) => two.got.includes(n))).toBe(true)
    expect(new Set(two.got).size).toBe(one.held())
  }
})

test('a disk that is full is said as trouble, and the offer is wanted again; with room it heals', async () => {
  const disk = new SimulatedDisk()
  const one = await start(disk, () => down)
  disk.faults.capacity = 2000
  let refused = 0
  for (const n of upTo(30)) if ((await one.delivery.hold([numbersOf([n])])).kind === 'retryable') refused++
  expect(refused).toBeGreaterThan(10)
  expect(one.health.at(-1)).toBe('the queue on disk cannot be written: ENOSPC')
  delete disk.faults.capacity
  expect(await one.delivery.hold([numbersOf([99])])).toEqual({ kind: 'ok' })
  expect(one.health.at(-1)).toBe('UNAVAILABLE: down')
  one.balanced(30 - refused + 1)
  await one.stop()
})

test('a disk that has room again: the trouble ends by itself, though nothing more is offered', async () => {
  const disk = new SimulatedDisk()
  const one = await start(disk, () => delivered)
  disk.faults.capacity = 200
  expect((await one.delivery.hold([numbersOf([1, 2, 3])])).kind).toBe('retryable')
  await one.clock.advance(60_000)
  expect(one.health).toEqual(['the queue on disk cannot be written: ENOSPC'])
  const files = [...disk.files.keys()]
  delete disk.faults.capacity
  await one.clock.advance(1000)
  await settle()
  expect(one.health).toEqual(['the queue on disk cannot be written: ENOSPC', undefined])
  expect([...disk.files.keys()]).toEqual(files)
  await one.stop()
})

test('no more files may be opened: the backlog waits on the disk, and is delivered when there are some again', async () => {
  const before = new SimulatedDisk()
  const one = await start(before, () => down)
  for (const n of upTo(100)) await one.delivery.hold([numbersOf([n])])
  await one.stop()
  const disk = before.afterKill()
  const onOpened = (): void => {
    disk.faults.fail = (kind) => (kind === 'open' ? 'EMFILE' : undefined)
  }
  const two = await start(disk, () => delivered, { onOpened })
  await two.clock.advance(5000)
  expect([two.got, two.held(), two.telemetry.drops.size]).toEqual([[], 100, 0])
  expect(two.health).toEqual(['the queue on disk cannot be read: EMFILE'])
  delete disk.faults.fail
  await two.clock.advance(5000)
  expect([...two.got].sort((a, b) => a - b)).toEqual(upTo(100))
  expect(two.health).toEqual(['the queue on disk cannot be read: EMFILE', undefined])
  two.balanced(0)
  await two.stop()
})

test('what is still being written when a stop begins is for the next process, also behind a backlog', async () => {
  const disk = new SimulatedDisk()
  const one = await start(disk, () => down, { windowItems: 1e6, maxBytes: 2 ** 27 })
  // Twice as much as the window takes, in the file that is being written.
  const batch = (n: number): Numbers => numbersOf(Array.from({ length: 1000 }, (_, at) => n * 1000 + at))
  for (const n of upTo(80)) await one.delivery.hold([batch(n)])
  disk.faults.slow = async () => {
    for (let n = 0; n < 5; n++) await settle()
  }
  const late = one.delivery.hold([batch(80)])
  await one.stop()
  for (let n = 0; n < 100; n++) await settle()
  expect(await late).toEqual({ kind: 'ok' })
  expect([one.telemetry.drops, one.telemetry.errors.get('ebadf')]).toEqual([new Map(), undefined])
  one.balanced(81_000)
  expect(disk.open).toBe(0)
  const two = await start(disk.afterKill(), () => down, { maxBytes: 2 ** 27 })
  expect(two.telemetry.producedItems).toBe(81_000)
  await two.stop()
})
