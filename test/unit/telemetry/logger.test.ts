import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type LogSink, logDestination } from '../../../src/telemetry/log-destination.js'
import { createLogger, type LoggerOptions } from '../../../src/telemetry/logger.js'
import { FakeClock } from '../../../src/testkit/fake-clock.js'

function setUp(more: Partial<LoggerOptions> = {}) {
  const lines: string[] = []
  const sink: LogSink = { write: (line) => void lines.push(line), lost: 0, flushSync() {}, async drain() {} }
  const clock = new FakeClock(1_700_000_000_123_000_000n)
  const logger = createLogger({ level: 'info', format: 'json', color: false, clock, sink, ...more })
  return { lines, clock, logger, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

describe('JSON', () => {
  test('one object per line: time, level, component, fields, message', () => {
    const { logger, lines, parsed } = setUp()
    logger.child('receiver/systemd').warn('bus lost', { address: 'unix:path=/run/bus', tries: 3, lost: 12n })
    expect(lines[0]).toMatch(/^\{.*\}\n$/)
    expect(parsed()).toEqual([
      {
        level: 'warn',
        time: '2023-11-14T22:13:20.123Z',
        component: 'receiver/systemd',
        address: 'unix:path=/run/bus',
        tries: 3,
        lost: '12',
        message: 'bus lost',
      },
    ])
  })

  test('a field cannot forge the level or the message', () => {
    const { logger, parsed } = setUp()
    logger.info('true', { level: 'error', message: 'false', time: 'never' })
    expect(parsed()[0]).toMatchObject({
      level: 'info',
      message: 'true',
      'field.level': 'error',
      'field.message': 'false',
    })
  })

  test('controls that JSON allows are escaped too: a log is read with cat', () => {
    const { logger, lines, parsed } = setUp()
    logger.info('a', { unit: 'x\u009b2J\u202ey' })
    expect(lines[0]).toContain('x\\u009b2J\\u202ey')
    expect(parsed()[0]).toMatchObject({ unit: 'x\u009b2J\u202ey' })
  })

  test('in the journal each line begins with its priority, in both formats; elsewhere none does', () => {
    for (const format of ['json', 'text'] as const) {
      const { logger, lines } = setUp({ level: 'debug', format, journal: true })
      logger.debug('a')
      logger.info('b')
      logger.warn('c', { text: 'x\n<0>y' })
      logger.error('d')
      expect(lines.map((line) => line.slice(0, 3))).toEqual(['<7>', '<6>', '<4>', '<3>'])
      expect(lines.join('').split('\n')).toHaveLength(5)
    }
    const { logger, lines } = setUp()
    logger.error('d')
    expect(lines[0]).toMatch(/^\{/)
  })

  test('what is below the level is not written', () => {
    const { logger, lines } = setUp({ level: 'warn' })
    logger.debug('a')
    logger.info('b')
    logger.warn('c')
    logger.error('d')
    expect(lines).toHaveLength(2)
  })
})

describe('text', () => {
  const check = (write: (logger: ReturnType<typeof setUp>['logger']) => void, expected: string, color = false) => {
    const { logger, lines } = setUp({ format: 'text', color })
    write(logger)
    expect(lines.join('')).toBe(expected)
  }

  test('time, level, component, message, fields', () => {
    check((logger) => logger.info('running', { components: 5 }), '22:13:20.123 INFO  running components=5\n')
    check(
      (logger) => logger.child('exporter/otlp').error('refused', { endpoint: '127.0.0.1:4317', why: 'no such host' }),
      '22:13:20.123 ERROR exporter/otlp refused endpoint=127.0.0.1:4317 why="no such host"\n',
    )
  })

  test('another program cannot forge a line or drive the terminal through a value', () => {
    check(
      (logger) => logger.warn('odd unit', { unit: 'a\n00:00:00 ERROR forged\x1b[2J\u202e' }),
      '22:13:20.123 WARN  odd unit unit="a\\n00:00:00 ERROR forged\\u001b[2J\\u202e"\n',
    )
  })

  test('colours only where they are wanted', () => {
    check((logger) => logger.warn('w'), '22:13:20.123 \x1b[33mWARN \x1b[0m w\n', true)
  })
})

describe('identical lines', () => {
  test('ten pass, the rest is counted and summarised at the end of the minute', async () => {
    const { logger, clock, parsed } = setUp()
    for (let n = 0; n < 250; n++) logger.child('receiver/x').warn('malformed message', { n })
    logger.child('receiver/y').warn('malformed message')
    expect(parsed()).toHaveLength(11)
    await clock.advance(60_000)
    expect(parsed().slice(11)).toEqual([
      expect.objectContaining({ level: 'warn', component: 'receiver/x', message: 'malformed message', repeated: 240 }),
    ])
    logger.child('receiver/x').warn('malformed message')
    expect(parsed()).toHaveLength(13)
  })

  test('a flush writes the counts that are held back, and leaves no timer', () => {
    const { logger, clock, parsed } = setUp()
    for (let n = 0; n < 12; n++) logger.info('again')
    logger.flush()
    expect(parsed().at(-1)).toMatchObject({ message: 'again', repeated: 2 })
    expect(clock.pending).toBe(0)
  })

  test('more keys than are remembered pass unlimited rather than grow the table', () => {
    const { logger, lines } = setUp()
    for (let n = 0; n < 3000; n++) logger.info(`message ${n}`)
    expect(lines).toHaveLength(3000)
  })
})

describe('a destination', () => {
  const directory = mkdtempSync(join(tmpdir(), 'unitscope-log-'))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  test('keeps the order of lines to its end', async () => {
    const file = join(directory, 'order.log')
    const { logger } = setUp({ sink: logDestination(openSync(file, 'a')) })
    for (let n = 0; n < 500; n++) logger.info(`line ${n}`)
    await logger.close()
    const messages = readFileSync(file, 'utf8').trimEnd().split('\n')
    expect(messages.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual(
      Array.from({ length: 500 }, (_, n) => `line ${n}`),
    )
  })

  test('what a stalled reader leaves no room for is counted, and told once it reads again', async () => {
    const path = join(directory, 'stalled')
    execFileSync('/usr/bin/mkfifo', [path])
    const reader = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
    const { logger } = setUp({ sink: logDestination(reader), repeats: { burst: 1, intervalMs: 60_000 } })
    const written = 20_000 // of 150 bytes: three times what is kept
    for (let n = 0; n < written; n++) logger.info(`line ${n}`, { filler: '.'.repeat(50) })
    const lost = logger.lostLines
    expect(lost).toBeGreaterThan(1000)
    let read = ''
    const buffer = Buffer.alloc(65_536)
    for (let empty = false; !empty || !read.includes('were lost'); ) {
      try {
        read += buffer.toString('utf8', 0, readSync(reader, buffer))
        empty = false
      } catch {
        empty = true
        await new Promise((resolve) => setTimeout(resolve, 1)) // for the sink to write on
      }
    }
    closeSync(reader)
    const lines = read
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines.at(-1)).toMatchObject({ level: 'error', message: 'lines of this log were lost', lines: lost })
    expect(lines.slice(0, -1).map(({ message }) => message)).toEqual(
      Array.from({ length: written - lost }, (_, n) => `line ${n}`),
    )
  })

  test('a full disk loses lines, not the log', () => {
    const sink = logDestination(openSync('/dev/full', 'w'))
    const { logger } = setUp({ sink })
    logger.info('one')
    logger.info('two')
    logger.flush()
    expect(logger.lostLines).toBe(2)
  })
})
