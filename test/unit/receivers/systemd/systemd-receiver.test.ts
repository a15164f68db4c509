import { expect, test } from 'vitest'
import { attr, event, metric } from '../../../../src/lib/systemd/names.js'
import { kMaxPendingEvents } from '../../../../src/receivers/systemd/pending-items.js'
import { Script } from '../../lib/systemd/script.js'
import { quiet, running, start } from './start.js'

const run = (letter: string) => ({ invocationId: letter.repeat(32) })

test('a hung systemd: degraded until it answers again, whatever else the receiver does meanwhile', async () => {
  const { source, clock, states, receiver } = await start()
  source.trouble = 'Ping: no answer within 5 s'
  await clock.advance(60_000)
  expect(new Set(states())).toEqual(new Set(['ok', 'systemd does not answer: Ping: no answer within 5 s']))
  expect(states().lastIndexOf('ok')).toBe(0)
  source.trouble = ''
  await clock.advance(2000)
  expect(states().at(-1)).toBe('ok')
  await receiver.shutdown()
})

test('an outage is said in words that stay the same, although connections and processes change', async () => {
  let tries = 0
  const { source, clock, states, receiver } = await start(quiet, (it) => {
    Object.defineProperty(it, 'trouble', { get: () => `Connection ":1.${++tries}" (pid=${tries}) is not allowed` })
  })
  await clock.advance(30_000)
  expect(tries).toBeGreaterThan(5)
  expect([...new Set(states())]).toEqual(['systemd does not answer: Connection ":?" (pid=?) is not allowed'])
  await receiver.shutdown()
  expect(source.asked).not.toContain('ListUnits')
})

test('without a bus it tries again, less and less often, up to each 30 s', async () => {
  const { source, clock, states, receiver } = await start(quiet, (it) => {
    it.bus = false
  })
  await clock.advance(600_000)
  // 0.1 + 0.2 + ... + 25.6 s are the first nine waits, then 30 s each.
  expect(states().length).toBe(1 + 9 + Math.floor((600_000 - 51_100) / 30_000))
  source.bus = true
  await clock.advance(30_000)
  expect(states().at(-1)).toBe('ok')
  await receiver.shutdown()
})

test('what was running at the start is no event; what is read after a loss of the bus is told as inferred', async () => {
  const { source, clock, told, receiver } = await start(quiet, (it) => {
    it.units.set('a.service', { ...running, ...run('a') })
    it.units.set('b.service', { ...running, ...run('b') })
  })
  expect(told()).toEqual([])
  source.units.set('a.service', { ...running, ...run('c'), stateChangeUsec: 2000, nRestarts: 3 })
  source.lose('the bus closed the connection')
  await clock.advance(1000)
  expect(told()).toEqual(['source.gap -', 'restarting a auto inferred', 'restarted c auto inferred'])
  await receiver.shutdown()
})

test('lost records: every unit is read again, and the count is told', async () => {
  const { source, clock, exporter, receiver } = await start(quiet, (it) => it.units.set('a.service', running))
  source.send({ kind: 'lost', count: 12 })
  await clock.advance(0)
  const [gap] = exporter.events
  expect(gap).toMatchObject({ name: event.gap, attributes: { [attr.gapReason]: 'lost_records', [attr.gapLost]: 12 } })
  expect(source.asked).toContain('forget')
  await receiver.shutdown()
})

test('more signals during a reading than may wait: what is over is counted, and its units are read once more', async () => {
  const limit = 100
  const { source, clock, exporter, gaps, telemetry, receiver } = await start(
    { ...quiet, signal_buffer_size: limit },
    (it) => {
      it.units.set('a.service', running)
      it.units.set(`u${limit - 1}.service`, running)
    },
  )
  let answer!: () => void
  source.silence = {
    from: 'ListUnits',
    over: new Promise((resolve) => {
      answer = resolve
    }),
  }
  source.send({ kind: 'lost', count: 12 })
  await clock.advance(0)
  const flood = Array.from({ length: limit }, (_, n) => new Script(`u${n}.service`).start(n + 1, 'a').records).flat()
  const over = flood.length - limit
  expect(over).toBeGreaterThan(0)
  source.send(...flood)
  expect(telemetry.drops).toEqual(new Map([['reading_overflowed', over]]))
  source.silence = undefined
  source.read.states.length = 0
  answer()
  await clock.advance(0)
  expect(gaps()).toEqual(['lost_records', 'lost_records'])
  // None in the first reading, for both are as they were. In the second, one: nothing of a.service was let go.
  expect(source.read.states).toEqual([`u${limit - 1}.service`])
  expect(exporter.events.flatMap(({ attributes }) => attributes[attr.gapLost] ?? [])).toEqual([12, over])
  await receiver.shutdown()
  expect(telemetry.drops).toEqual(new Map([['reading_overflowed', over]]))
  expect(telemetry.processedItems).toBe(exporter.items + over)
})

test('a gap is found out once, whatever comes during its reading, and the next one is told, too', async () => {
  const { source, clock, told, receiver } = await start(quiet, (it) => {
    it.units.set('a.service', { ...running, ...run('a') })
  })
  const answers: (() => void)[] = []
  const silent = (): void => {
    source.silence = { from: 'ListUnits', over: new Promise((resolve) => void answers.push(resolve)) }
  }
  silent()
  source.asked.length = 0
  source.send({ kind: 'lost', count: 1 })
  await clock.advance(0)
  source.send({ kind: 'job_new', unit: 'a.service', jobId: 7 })
  silent() // the next question, should there be one
  answers[0]!()
  await clock.advance(0)
  expect(source.asked.filter((member) => member === 'ListUnits')).toHaveLength(1)
  source.silence = undefined
  source.units.set('a.service', { ...running, ...run('c'), stateChangeUsec: 2000 })
  source.send({ kind: 'lost', count: 1 })
  answers[1]!()
  await clock.advance(0)
  expect(told()).toEqual([
    'source.gap -',
    'source.gap -',
    'restarting a manual inferred',
    'restarted c manual inferred',
  ])
  await receiver.shutdown()
})

test('after a gap a thousand units cost a thousand stamps: only those whose stamp moved are read', async () => {
  const names = Array.from({ length: 1000 }, (_, n) => `u${n}.service`)
  const { source, clock, told, receiver } = await start(quiet, (it) => {
    for (const name of names) it.units.set(name, { ...running, ...run('a') })
  })
  await clock.advance(20_000)
  // The same state again, and another run.
  source.units.set('u7.service', { ...running, ...run('b'), stateChangeUsec: 2000 })
  source.asked.length = 0
  source.read.states.length = 0
  source.send({ kind: 'lost', count: 1 })
  await clock.advance(0)
  expect(source.read.states).toEqual(['u7.service'])
  // And UnitsLoadTimestamp, and the state of one service.
  expect(source.asked.filter((one) => one === 'Get').length).toBeLessThan(1000 + 30)
  expect(told().slice(1)).toEqual(['restarting a manual inferred', 'restarted b manual inferred'])
  await receiver.shutdown()
})

test('a change without a signal is found by the second look, not by the first: its signal may be on the way', async () => {
  const { source, clock, told, receiver } = await start({ ...quiet, poll_interval: '60s' }, (it) => {
    it.units.set('a.service', { ...running, ...run('a') })
    it.units.set('b.service', { ...running, ...run('b') })
  })
  const failed = { activeState: 'failed', subState: 'failed', result: 'signal', stateChangeUsec: 2000 }
  source.units.set('a.service', { ...failed, ...run('a') })
  source.units.set('b.service', { ...failed, ...run('b') })
  await clock.advance(60_000)
  expect(told()).toEqual([])
  const late = new Script('b.service').u('active/running', { inv: 'b' }).u('failed/failed', { result: 'signal' })
  source.send(late.records.at(-1)!)
  await clock.advance(1000)
  expect(told()).toEqual(['failed b signal', 'source.gap -', 'failed a signal inferred'])
  await receiver.shutdown()
})

test('the second look waits for signals as long as batch_timeout lets them wait, and is not put off by the next poll', async () => {
  const { source, clock, told, receiver } = await start(
    { ...quiet, poll_interval: '5s', batch_timeout: '10s' },
    (it) => {
      it.units.set('a.service', { ...running, ...run('a') })
      it.units.set('b.service', { ...running, ...run('b') })
    },
  )
  const failed = { activeState: 'failed', subState: 'failed', result: 'signal', stateChangeUsec: 2000 }
  source.units.set('a.service', { ...failed, ...run('a') })
  source.units.set('b.service', { ...failed, ...run('b') })
  await clock.advance(14_000)
  const late = new Script('b.service').u('active/running', { inv: 'b' }).u('failed/failed', { result: 'signal' })
  source.send(late.records.at(-1)!)
  await clock.advance(10_000)
  expect(told()).toEqual(['failed b signal'])
  await clock.advance(1000)
  expect(told()).toEqual(['failed b signal', 'source.gap -', 'failed a signal inferred'])
  await receiver.shutdown()
})

test('a new unit is not asked about when it appears, only in the next sweep, and only when it is loaded', async () => {
  const { source, clock, receiver } = await start()
  const before = source.asked.length
  source.read.configurations.length = 0
  source.send({ kind: 'unit_new', unit: 'gone.service' }, ...new Script('gone.service').start(1, 'a').records)
  source.send(...new Script('there.service').start(2, 'b').records)
  source.units.set('there.service', { ...running, ...run('b') })
  await clock.advance(1999)
  expect(source.asked.slice(before)).toEqual([])
  await clock.advance(1)
  expect(source.read.configurations).toEqual(['there.service'])
  await clock.advance(60_000)
  expect(source.read.configurations).toEqual(['there.service'])
  await receiver.shutdown()
})

test('more events than max_events_per_second: counted, summarised, and the metrics count them all', async () => {
  const { source, clock, exporter, telemetry, receiver } = await start({
    ...quiet,
    collection_interval: '1s',
    max_events_per_second: 10,
  })
  const script = new Script('a.service').start(1, 'a')
  for (let n = 1; n <= 20; n++) {
    script.u('failed/failed', { result: 'exit-code', exit: 'exited:3' }).u('activating/auto-restart')
    script.u('inactive/dead', { inv: String.fromCharCode(97 + (n % 6)), result: 'success', restarts: n, job: n + 1 })
    script.u('active/running', { job: 0 })
  }
  source.send(...script.records)
  await clock.advance(1000)
  const produced = 2 + 20 * 3
  expect(telemetry.drops).toEqual(new Map([['rate_limit', produced - 10]]))
  expect(exporter.events.filter((one) => one.name !== event.suppressed)).toHaveLength(10)
  expect(exporter.events.find((one) => one.name === event.suppressed)).toMatchObject({
    attributes: { [attr.suppressedCount]: produced - 10 },
  })
  const restarts = exporter.metrics.filter((one) => one.name === metric.restarts).at(-1)!
  expect(restarts.points).toContainEqual(
    expect.objectContaining({ attributes: { [attr.restartCause]: 'auto' }, value: 20 }),
  )
  await receiver.shutdown()
  expect(telemetry.processedItems).toBe(exporter.items + produced - 10)
})

test('a pipeline that refuses for a while: nothing is lost below the limit, what is over is counted', async () => {
  const { source, clock, exporter, telemetry, receiver } = await start({ ...quiet, max_events_per_second: 1_000_000 })
  let open = false
  exporter.respond = () => (open ? { kind: 'ok' } : { kind: 'retryable', reason: 'full' })
  const starts = kMaxPendingEvents / 2 + 50 // two events each
  for (let n = 0; n < starts; n++) source.send(...new Script(`u${n}.service`).start(n + 1, 'a').records)
  await clock.advance(1000)
  expect(telemetry.drops).toEqual(new Map([['backpressure', 100]]))
  open = true
  await clock.advance(10_000)
  expect(exporter.events).toHaveLength(kMaxPendingEvents)
  expect(exporter.events[0]!.attributes[attr.unit]).toBe('u0.service') // the oldest are kept
  await receiver.shutdown()
  expect(telemetry.processedItems).toBe(exporter.items + 100)
})

test('a buffer that fills is told while it is so, before anything is lost, and counted', async () => {
  const { source, clock, states, telemetry, receiver } = await start({ ...quiet, signal_buffer_size: 1000 })
  const next = async (stats: object): Promise<string | undefined> => {
    source.stats = { ...source.stats, ...stats }
    await clock.advance(10_000) // a ping
    return states().at(-1)
  }
  const behind = expect.stringMatching(/^signals came faster than they were taken/)
  expect(await next({})).toBe('ok')
  expect(await next({ backpressure: 2 })).toEqual(behind)
  expect(await next({ buffered: 800 })).toEqual(behind) // it still is
  expect(await next({ buffered: 10 })).toBe('ok')
  await receiver.shutdown()
  expect(telemetry.counters.get('signals_backpressure')).toBe(2)
})

test('shutdown does not wait for a bus that takes the connection and says nothing; what it says later is closed', async () => {
  let speak = (): void => {}
  const over = new Promise<void>((resolve) => {
    speak = resolve
  })
  const { source, clock, receiver } = await start(quiet, (it) => {
    it.silence = { from: 'Hello', over }
  })
  await receiver.shutdown()
  expect(clock.pending).toBe(0)
  speak()
  await clock.advance(0)
  expect(source.asked).toEqual([])
  expect(source.open).toBe(0)
})

test('shutdown while the pipeline refuses: one more try, then counted', async () => {
  const { source, clock, exporter, telemetry, receiver } = await start()
  exporter.respond = () => ({ kind: 'retryable', reason: 'full' })
  source.send(...new Script('a.service').start(1, 'a').records)
  await clock.advance(50)
  await receiver.shutdown()
  expect(telemetry.drops).toEqual(new Map([['shutdown', 2]]))
  expect(clock.pending).toBe(0)
  expect(telemetry.processedItems).toBe(exporter.items + 2)
})
