import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { RefusalError } from '../../../src/errors.js'
import type { LedgerRow } from '../../../src/graph/ledger.js'
import type { Notifier } from '../../../src/service/notifier.js'
import type { Service } from '../../../src/service/service.js'
import { kShutdownDeadlineMs, supervise } from '../../../src/service/supervise.js'
import type { AgentLogger } from '../../../src/telemetry/logger.js'

const load = () => Promise.reject(new Error('read by the service'))

function setUp(part: Partial<Service> = {}, forMs?: number, read?: typeof load) {
  const events = new EventEmitter()
  const journal: string[] = []
  const log = (level: string) => (message: string) => void journal.push(`${level}: ${message}`)
  const logger: AgentLogger = {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    child: () => logger,
    lostLines: 0,
    flush: () => void journal.push('flush'),
    close: async () => void journal.push('close'),
  }
  const notifier: Notifier = {
    ready: () => void journal.push('READY'),
    reloading: () => void journal.push('RELOADING'),
    status: () => {},
    stopping: () => void journal.push('STOPPING'),
    close: () => {},
  }
  const service: Service = {
    start: async () => void journal.push('start'),
    shutdown: async () => void journal.push('shutdown'),
    reload: async () => void journal.push('reload'),
    status: () => [],
    summary: () => ({ uptimeMs: 5000, components: [], ledger: { rows: [], unrouted: {}, used: {}, undelivered: {} } }),
    report: () => {
      throw new Error('nobody asks')
    },
    ...part,
  }
  const exits: number[] = []
  const enough = new AbortController()
  const end = supervise(service, {
    logger,
    notifier,
    events,
    enough: enough.signal,
    ...(forMs === undefined ? {} : { forMs }),
    ...(read === undefined ? {} : { load: read }),
    exitNow: (code) => void exits.push(code),
  })
  return { events, enough, journal, exits, end, logger }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())
/** A row whose items are all of one signal. */
const ofLogs = (row: Omit<LedgerRow, 'by_signal'>): LedgerRow => ({ ...row, by_signal: { logs: row } })

const nothingMore = { queued: 0, signals: { logs: 0, metrics: 0, traces: 0 } }
const turn = () => vi.advanceTimersByTimeAsync(0)
const never = () => new Promise<void>(() => {})

describe('an ordered end', () => {
  test.each(['SIGTERM', 'SIGINT'])('%s stops in order and exits 0', async (signal) => {
    const { events, journal, end } = setUp()
    await turn()
    events.emit(signal)
    expect(await end).toBe(0)
    expect(journal).toEqual([
      'start',
      'READY',
      'info: running',
      'info: stopping',
      'STOPPING',
      'shutdown',
      'info: stopped',
      'close',
    ])
    expect(events.eventNames()).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  test.each([
    [{ filtered: 7, queue_full: 3 }, 'info: stopped'],
    [{ filtered: 7, shutdown: 99 }, 'warn: stopped'],
  ])('dropped %j: exit 0, and the last line is "%s"', async (dropped, line) => {
    const row = {
      kind: 'exporter',
      id: 'otlp',
      in: 200,
      produced: 0,
      out: 101,
      dropped,
      held: 0,
      ...nothingMore,
    } as const
    const { events, journal, end } = setUp({
      summary: () => ({
        uptimeMs: 5000,
        components: [],
        ledger: { rows: [ofLogs(row)], unrouted: {}, used: {}, undelivered: {} },
      }),
    })
    await turn()
    events.emit('SIGTERM')
    expect(await end).toBe(0)
    expect(journal.filter((entry) => entry.endsWith(': stopped'))).toEqual([line])
  })

  test.each([
    ['delivered to nobody and not counted', { held: 3, queued: 0 }, ['exporter otlp, logs: 3']],
    ['counted twice', { held: -1, queued: 0 }, ['exporter otlp, logs: -1']],
    ['kept on disk', { held: 40, queued: 40 }, []],
  ])('items that are %s: what does not add up is an error', async (_, part, missing) => {
    const row = {
      kind: 'exporter',
      id: 'otlp',
      in: 200,
      produced: 0,
      out: 160,
      dropped: {},
      ...nothingMore,
      ...part,
    } as const
    const { events, end, logger } = setUp({
      summary: () => ({
        uptimeMs: 5000,
        components: [],
        ledger: { rows: [ofLogs(row)], unrouted: {}, used: {}, undelivered: {} },
      }),
    })
    const errors: string[] = []
    logger.error = (message, fields) =>
      void errors.push(...Object.entries(fields ?? {}).map(([name, items]) => `${name}: ${items}`), message)
    await turn()
    events.emit('SIGTERM')
    await end
    expect(errors.slice(0, -1)).toEqual(missing)
    expect(errors.slice(-1)).toEqual(
      missing.length === 0 ? [] : ['items are unaccounted for: a bug, report it with the log'],
    )
  })

  test('its last line counts what pipelines carry as received, and what they only looked at for itself', async () => {
    const row = {
      kind: 'receiver',
      id: 'cgroup',
      in: 1000,
      produced: 0,
      out: 1000,
      dropped: {},
      held: 0,
      ...nothingMore,
    } as const
    const account = vi.fn()
    const { events, end, logger } = setUp({
      summary: () => ({
        uptimeMs: 5000,
        components: [],
        ledger: {
          rows: [ofLogs(row), ofLogs({ ...row, kind: 'exporter', id: 'otlp', out: 10 })],
          unrouted: { 'receiver cgroup': 290, 'pipeline logs': 5 },
          used: { 'receiver cgroup': 700 },
          undelivered: { logs: 990 },
        },
      }),
    })
    logger.info = (message, fields) => void (message === 'stopped' && account(fields))
    await turn()
    events.emit('SIGTERM')
    await end
    expect(account.mock.lastCall).toEqual([
      {
        uptime_s: 5,
        received: 10,
        exported: 10,
        dropped: {},
        used: 700,
        unrouted: 290,
        logs: { received: 10, exported: 10, dropped: {} },
      },
    ])
  })

  test('--for ends it by itself', async () => {
    const { end } = setUp({}, 30_000)
    await vi.advanceTimersByTimeAsync(30_000)
    expect(await end).toBe(0)
  })

  test('its owner may have enough: that stops it in order, and is no signal, however often and late it comes', async () => {
    let stopped = (): void => {}
    const shutdown = () =>
      new Promise<void>((resolve) => {
        stopped = resolve
      })
    const { events, enough, exits, end } = setUp({ shutdown })
    await turn()
    enough.abort('nobody looks')
    await turn()
    events.emit('SIGTERM') // the first: npm's, that ended the shell around us too
    await turn()
    expect(exits).toEqual([])
    stopped()
    expect(await end).toBe(0)

    const other = setUp({ shutdown })
    await turn()
    other.events.emit('SIGTERM')
    other.enough.abort('nobody looks')
    await turn()
    stopped()
    expect(await other.end).toBe(0)
    expect(other.exits).toEqual([])
  })

  test('a signal while a component still starts is not made to wait for it', async () => {
    const { events, journal, end } = setUp({ start: never })
    await turn()
    events.emit('SIGTERM')
    expect(await end).toBe(0)
    expect(journal).not.toContain('READY')
    expect(journal).toContain('shutdown')
  })
})

describe('an end that is not', () => {
  test('a component that does not stop within the deadline: exit 1, and the log says so', async () => {
    const { events, journal, end } = setUp({ shutdown: never })
    await turn()
    events.emit('SIGTERM')
    await vi.advanceTimersByTimeAsync(kShutdownDeadlineMs)
    expect(await end).toBe(1)
    expect(journal).toContain('error: shutdown took too long; what is still held is lost')
  })

  test('a second signal ends it at once, whichever it is', async () => {
    const { events, journal, exits } = setUp({ shutdown: never })
    await turn()
    events.emit('SIGTERM')
    await turn()
    events.emit('SIGINT')
    expect(exits).toEqual([1])
    expect(journal.slice(-2)).toEqual(['error: second SIGINT: ending at once, what is queued is lost', 'flush'])
  })

  test('a start that is refused until somebody has looked: exit 78, wherever the refusal came from', async () => {
    const { end } = setUp({
      start: async () => {
        throw new Error('exporter otlp could not start', { cause: new RefusalError('a queue of version 2') })
      },
    })
    expect(await end).toBe(78)
  })

  test('a start that fails: exit 1, never READY', async () => {
    const { journal, end } = setUp({
      start: async () => {
        throw new Error('exporter prometheus could not start: address in use')
      },
    })
    expect(await end).toBe(1)
    expect(journal).toEqual(['error: could not start', 'shutdown', 'close'])
  })

  test.each(['uncaughtException', 'unhandledRejection'])('%s: logged, flushed, exit 1', async (event) => {
    const { events, journal, exits } = setUp()
    await turn()
    events.emit(event, new Error('bug'))
    expect(exits).toEqual([1])
    expect(journal.at(-2)).toMatch(/^error: a bug: .*; the agent ends$/)
    expect(journal.at(-1)).toBe('flush')
  })
})

describe('SIGHUP', () => {
  test('does not end it, and says so where there is no file to read again', async () => {
    const { events, journal } = setUp()
    await turn()
    events.emit('SIGHUP')
    await turn()
    const said = 'info: SIGHUP changes nothing: there is no configuration file to read again'
    expect(journal).toEqual(['start', 'READY', 'info: running', said])
  })

  test('takes over a changed configuration, and systemd is told meanwhile', async () => {
    const { events, journal } = setUp({}, undefined, load)
    await turn()
    events.emit('SIGHUP')
    await turn()
    expect(journal.slice(3)).toEqual(['RELOADING', 'reload', 'READY'])
  })

  test('while it does so is one more, however many come: the file may have changed again', async () => {
    let done = (): void => {}
    let reloads = 0
    const reload = () =>
      new Promise<void>((resolve) => {
        reloads++
        done = resolve
      })
    const { events } = setUp({ reload }, undefined, load)
    await turn()
    for (let n = 0; n < 5; n++) events.emit('SIGHUP')
    await turn()
    expect(reloads).toBe(1)
    done()
    await turn()
    expect(reloads).toBe(2)
    done()
    await turn()
    expect(reloads).toBe(2)
  })

  test('never says READY of an agent that stops, or that did not start', async () => {
    let done = (): void => {}
    const reload = () => new Promise<void>((resolve) => (done = resolve))
    const stops = setUp({ reload }, undefined, load)
    await turn()
    stops.events.emit('SIGHUP')
    await turn()
    stops.events.emit('SIGTERM')
    await turn()
    done()
    await turn()
    expect(stops.journal.filter((line) => /^[A-Z]+$/.test(line))).toEqual(['READY', 'RELOADING', 'STOPPING'])

    let fail = (_: Error): void => {}
    const start = () => new Promise<void>((_, reject) => (fail = reject))
    const fails = setUp({ start }, undefined, load)
    fails.events.emit('SIGHUP')
    fail(new Error('no'))
    await fails.end
    expect(fails.journal).not.toContain('READY')
  })

  test('that leaves nothing to go on with ends the process, for systemd to start it again', async () => {
    const reload = () => Promise.reject(new Error('a port in use'))
    const { events, exits } = setUp({ reload }, undefined, load)
    await turn()
    events.emit('SIGHUP')
    await turn()
    expect(exits).toEqual([1])
  })
})
