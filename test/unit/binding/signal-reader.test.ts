import { readdirSync, readFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import type { SignalRecord } from '../../../src/data/signal-record.js'
import { type Listener, listen, native, readerDefaults } from './listener.js'
import { type BusKind, busKinds, startFakeSystemd, startPrivateBus, whyNot } from './private-bus.js'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function bus(kind: BusKind) {
  const server = await startPrivateBus(kind)
  cleanups.push(() => server.kill())
  return server
}
async function connected(address: string, options: Parameters<typeof listen>[1] = {}): Promise<Listener> {
  const listener = listen(address, options)
  cleanups.push(() => listener.reader.close())
  await listener.until('connected')
  return listener
}
async function systemd(address: string) {
  const sender = await startFakeSystemd(address)
  cleanups.push(() => sender.close())
  return sender
}

/**
 * `web.service active 3` for each change. The first half of one, which is told alone where a bus has stood still for a second between
 * both, has the new count of restarts and the old state: it is left out.
 */
function changes(records: readonly SignalRecord[]): string[] {
  const told = records.flatMap((r) => (r.kind === 'unit_changed' ? [{ unit: r.unit, ...r.state }] : []))
  const isHalf = ({ unit, activeState, nRestarts }: (typeof told)[number], i: number): boolean => {
    const next = told[i + 1]
    return (
      activeState === '' || (next?.unit === unit && next.nRestarts === nRestarts && next.activeState !== activeState)
    )
  }
  return told.flatMap((one, i) => (isHalf(one, i) ? [] : [`${one.unit} ${one.activeState} ${one.nRestarts}`]))
}

/** Whether this thread is a reader's. */
function isReader(task: string): boolean {
  try {
    return readFileSync(`/proc/self/task/${task}/comm`, 'latin1') === 'unitscope-bus\n'
  } catch {
    return false // gone
  }
}

describe.each(busKinds)('on a real %s', (kind) => {
  const why = whyNot(kind)
  const onBus = test.skipIf(why !== undefined)
  const name = (text: string): string => (why === undefined ? text : `${text} [skipped: ${why}]`)

  onBus(name('every signal arrives once, in order, and its repeats do not'), async () => {
    const { address } = await bus(kind)
    const sender = await systemd(address)
    const listener = await connected(address)
    const sent: string[] = []
    for (let i = 0; i < 2000; i++) {
      const unit = `unit-${i % 20}@x.service`
      const state = i % 40 < 20 ? 'active' : 'inactive'
      for (let repeat = 0; repeat < 3; repeat++) sender.change(unit, state, i)
      sent.push(`${unit} ${state} ${i}`)
      // Both halves of a change must reach the bus together, as systemd's do: a half alone for a second is told alone. A
      // socket holds about 92 messages; more would wait in this process until its event loop turns.
      if (i % 10 === 9) await sender.heard()
    }
    sender.unitNew('last.service')
    await listener.until('unit_new')
    expect(changes(listener.records)).toEqual(sent)
    const stats = listener.reader.stats()
    expect(stats).toMatchObject({ matched: 12_001, filtered: 0, suppressed: 8000, dropped: 0, rejected: {}, units: 20 })
    expect(stats.records).toBe(listener.records.length)
  })

  onBus(name('the filter decides by name and type'), async () => {
    const { address } = await bus(kind)
    const sender = await systemd(address)
    const filter = { include: ['web*', 'db.service'], exclude: ['web-test*'], unitTypes: ['service'] }
    const listener = await connected(address, { filter })
    for (const unit of ['web-1.service', 'web-test.service', 'web.socket', 'mail.service', 'db.service']) {
      sender.change(unit, 'active', 1)
    }
    await listener.until((records) => changes(records).length === 2)
    expect(changes(listener.records)).toEqual(['web-1.service active 1', 'db.service active 1'])
    expect(listener.reader.stats().filtered).toBe(6)
  })

  onBus(name('of announced types what comes and goes passes, and no state'), async () => {
    const { address } = await bus(kind)
    const sender = await systemd(address)
    const filter = { include: ['web*'], exclude: ['*.target'], unitTypes: ['service'], announcedTypes: ['target'] }
    const listener = await connected(address, { filter })
    sender.change('multi-user.target', 'active', 1)
    for (const unit of ['multi-user.target', 'db.service', 'a.slice', 'web.service']) sender.unitNew(unit)
    await listener.until((records) => records.some((one) => 'unit' in one && one.unit === 'web.service'))
    const told = listener.records.flatMap((one) => ('unit' in one ? [`${one.kind} ${one.unit}`] : []))
    expect(told).toEqual(['unit_new multi-user.target', 'unit_new web.service'])
  })

  onBus(name('a bus that is killed ends the session with a reason; a new reader finds the new bus'), async () => {
    const first = await bus(kind)
    const listener = await connected(first.address)
    await first.kill()
    expect(await listener.end()).toBe('the bus closed the connection')
    expect(listener.records.at(-1)?.kind).toBe('disconnected')
    expect(() => listener.reader.start()).not.toThrow()
    const gone = listen(first.address)
    expect(await gone.end()).toMatch(
      /^cannot connect to unix:path=.*: No such file or directory \(is the bus running\?\)$/,
    )

    const second = await bus(kind)
    const sender = await systemd(second.address)
    const again = await connected(second.address)
    sender.change('a.service', 'failed', 1)
    await again.until((records) => changes(records).length > 0)
    expect(changes(again.records)).toEqual(['a.service failed 1'])
  })

  onBus(name('systemd coming and leaving is told'), async () => {
    const { address } = await bus(kind)
    const rule = "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.freedesktop.systemd1'"
    const listener = await connected(address, { matchRules: [...readerDefaults.matchRules, rule] })
    const sender = await systemd(address)
    await listener.until('owner_changed')
    sender.close()
    await listener.until((records) => records.some((r) => r.kind === 'owner_changed' && !r.present))
    expect(listener.records.map(({ kind: each }) => each)).toEqual(['connected', 'owner_changed', 'owner_changed'])
  })

  onBus(name('a match rule that the bus refuses ends the session and is named'), async () => {
    const { address } = await bus(kind)
    const listener = listen(address, { matchRules: ["type='nonsense'"] })
    cleanups.push(() => listener.reader.close())
    const reason = await listener.end()
    expect(reason).toMatch(
      /^the bus refused AddMatch\(type='nonsense'\): org\.freedesktop\.DBus\.Error\.MatchRuleInvalid: /,
    )
  })

  onBus(name('fifty readers, opened and closed at any moment, leave no descriptor and no thread'), async () => {
    const { address } = await bus(kind)
    await (await connected(address)).reader.close()
    const count = (what: string): number => readdirSync(`/proc/self/${what}`).length
    // A thread that was joined may be listed a moment longer.
    const gone = async (): Promise<void> => {
      while (readdirSync('/proc/self/task').some(isReader)) await new Promise((resolve) => setImmediate(resolve))
    }
    await gone()
    const before = { fds: count('fd'), threads: count('task') }
    for (let i = 0; i < 50; i++) {
      const listener = listen(address)
      if (i % 3 === 0) await listener.until('connected')
      if (i % 3 === 1) await new Promise((resolve) => setImmediate(resolve))
      await listener.reader.close()
      await listener.reader.close()
      expect(() => listener.reader.start()).toThrow(/make a new one/)
    }
    await gone()
    expect({ fds: count('fd'), threads: count('task') }).toEqual(before)
  })
})

test('options out of range are a bug of the caller, told before a thread starts', () => {
  const make = (options: object) => () =>
    native.createSignalReader({ ...readerDefaults, address: 'unix:path=/x', ...options }, () => {})
  expect(make({ ringRecords: 0 })).toThrow(/ringRecords must be a whole number from 1 to 1000000, not 0/)
  expect(make({ ringRecords: 1_000_001 })).toThrow(RangeError)
  expect(make({ ringRecords: 1.5 })).toThrow(RangeError)
  expect(make({ maxBatchSize: 0 })).toThrow(RangeError)
  expect(make({ batchTimeoutMs: 60_001 })).toThrow(RangeError)
  expect(make({ backpressurePercent: 101 })).toThrow(RangeError)
  expect(make({ overflow: 'sometimes' })).toThrow(/overflow "sometimes" is unknown/)
  expect(make({ matchRules: ['x'.repeat(1025)] })).toThrow(RangeError)
  expect(make({ matchRules: ['a\0b'] })).toThrow(/NUL/)
  expect(make({ filter: { include: Array(4097).fill('x'), exclude: [], unitTypes: [] } })).toThrow(RangeError)
})

test('close without start, and stats of a reader that never ran', async () => {
  const reader = native.createSignalReader({ ...readerDefaults, address: 'unix:path=/x' }, () => {})
  expect(reader.stats()).toMatchObject({ bytes: 0, messages: 0, records: 0, dropped: 0, rejected: {}, unknownTexts: 0 })
  await reader.close()
})
