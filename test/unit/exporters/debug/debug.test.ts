import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { Attributes } from '../../../../src/data/attributes.js'
import { type Batch, batchOf } from '../../../../src/data/batch.js'
import { type RawEvent, Severity, type SeverityNumber } from '../../../../src/data/event.js'
import type { Resource } from '../../../../src/data/resource.js'
import type { Span } from '../../../../src/data/span.js'
import type { Config } from '../../../../src/exporters/debug/config.js'
import { createDebugExporter, type Screen } from '../../../../src/exporters/debug/debug.js'
import { isFailedJob } from '../../../../src/lib/systemd/job-result.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'

// Times are shown in the reader's own zone.
process.env['TZ'] = 'UTC'

for (const verbosity of ['basic', 'normal', 'detailed'] as const)
  test(`a crash, its recovery and its numbers at verbosity ${verbosity}`, async () => {
    expectGolden(`${verbosity}.txt`, await shown(aBadMinute(), { verbosity }))
  })

test('the same in colour', async () => {
  expectGolden('normal-color.txt', await shown(aBadMinute(), { verbosity: 'normal' }, true))
})

test('a hostile unit name cannot move the cursor, colour the screen or fake a second line', async () => {
  const name = 'evil\u001b[2J\u001b]0;x\u0007\n12:00:00.000  sshd.service\u202e\u0085.service'
  const text = await shown(batchOf({ events: [event(0, name, 'failed', Severity.error)] }), { verbosity: 'detailed' })
  const unsafe = [...text].filter((char) => char !== '\n' && /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(char))
  expect(unsafe).toEqual([])
  expect(text.split('\n').filter((line) => line.includes('sshd.service'))[0]).toContain('\\n')
})

test.each(['constructor', '__proto__', 'toString'])('a result called %s is shown as the word it is', async (result) => {
  const failed = event(0, 'a.service', 'failed', Severity.error, { 'systemd.unit.result': result })
  expect(await shown(batchOf({ events: [failed] }))).toMatch(new RegExp(`failed .*${result}`))
})

test.each<[string, Attributes, string]>([
  ['restarting', { 'systemd.unit.restart_due_usec': 2_500_000 }, 'again in 2.5 s'],
  ['restarting', { 'systemd.unit.restart_due_usec': -1 }, ''],
  ['restarting', {}, ''],
  ['failed', { 'systemd.unit.verdict': 'gave_up' }, 'not restarted'],
  ['failed', { 'systemd.unit.verdict': 'will_restart' }, ''],
])('what happens next after %s with %o: "%s"', async (verb, attributes, expected) => {
  const start = event(0, 'a.service', verb, Severity.error)
  const due = attributes['systemd.unit.restart_due_usec']
  const absolute =
    typeof due === 'number'
      ? { 'systemd.unit.restart_due_usec': due < 0 ? due : Number(start.timeUnixNano / 1000n) + due }
      : attributes
  const text = await shown(batchOf({ events: [{ ...start, attributes: { ...start.attributes, ...absolute } }] }))
  expect(/again in [\d.]+ s|not restarted/.exec(text)?.[0] ?? '').toBe(expected)
})

test.each<[string, string, Attributes, string]>([
  [
    'a stop that was asked for',
    'unit.stopped',
    { ...verdict('stopped_by_operator'), 'process.exit.signal': 'SIGTERM' },
    '• stopped by a job · killed by SIGTERM',
  ],
  [
    'a stop that took too long',
    'unit.failed',
    { ...verdict('stopped_by_operator'), 'systemd.unit.result': 'timeout' },
    '✗ failed while being stopped by a job · timed out',
  ],
  [
    'a start that was taken back',
    'job.finished',
    { ...verdict('stopped_by_operator'), ...job('canceled') },
    '• job finished taken back by a job · job canceled',
  ],
  [
    'a condition',
    'job.finished',
    { ...verdict('condition_not_met'), ...job('done') },
    '• job finished job done · condition not met',
  ],
  [
    'ExecCondition=',
    'job.finished',
    { ...verdict('condition_not_met'), ...job('done'), 'systemd.unit.result': 'exec-condition' },
    '• job finished job done · condition not met',
  ],
  [
    'an assertion',
    'job.finished',
    { ...verdict('condition_not_met'), ...job('assert') },
    '! job finished job assert · assertion not met',
  ],
  ['a job that took too long', 'job.finished', job('timeout'), '! job finished job timeout'],
  [
    'a command before the main process',
    'unit.failed',
    { 'systemd.unit.result': 'exit-code', 'systemd.unit.failed_command': 'ExecStartPre=', ...verdict('gave_up') },
    '✗ failed ExecStartPre= failed · not restarted',
  ],
  [
    'a command that is not known, after a main process that ended well',
    'unit.failed',
    { 'systemd.unit.result': 'exit-code', 'process.exit.code': 0 },
    '✗ failed exit-code',
  ],
  [
    'a job whose dependency failed',
    'job.finished',
    { ...verdict('dependency'), ...job('dependency'), 'systemd.unit.caused_by': 'b.service' },
    '! job finished because of b.service · job dependency',
  ],
])('%s has mark and verdict', async (_what, name, attributes, expected) => {
  const part = { name: `systemd.${name}` }
  // As the tracker makes them.
  const isWarning = isFailedJob(attributes['systemd.job.result'])
  const severity = name === 'unit.failed' ? Severity.error : isWarning ? Severity.warn : Severity.info
  const text = await shown(batchOf({ events: [event(0, 'a.service', 'x', severity, attributes, part)] }))
  expect(
    text
      .replace(/^\S+ +a\.service +/, '')
      .replace(/ {2,}/, ' ')
      .replace(/ · run .*\n$/, ''),
  ).toBe(expected)
})

test.each([
  ['gave_up', 'failed (exit-code 3) · gave up'],
  ['open', 'failed (exit-code 3)'],
])('an incident that begins as %s', async (state, expected) => {
  const part = { name: 'incident.opened', body: 'incident: a.service failed (exit-code 3)' }
  const opened = event(0, 'a.service', 'x', Severity.error, { 'incident.state': state }, part)
  expect(await shown(batchOf({ events: [opened] }))).toContain(`incident opened         ${expected} · run`)
})

test('a span whose beginning was not seen, or lies with its end, is shown without a length that nobody measured', async () => {
  const spans = [phase('run failed', 412, 412, 'exit-code 3'), phase('run failed', 500, 1212, 'exit-code 3')]
  const text = await shown(batchOf({ spans: spans.map((span) => ({ ...span, parentSpanId: '00f067aa0ba902ff' })) }))
  expect([...text.matchAll(/┄ run failed(\S* ?\S+)? {2,}failed/g)].map(([, length]) => length?.trim())).toEqual([
    undefined,
    '712ms',
  ])
})

test('a line has a limit, whatever a body holds', async () => {
  const body = 'x'.repeat(100_000)
  const text = await shown(
    batchOf({ events: [event(0, 'a.service', 'x', Severity.info, {}, { name: 'custom.thing.seen', body })] }),
  )
  expect(text.length).toBeLessThan(500)
})

test('a terminal that stands still costs lines, never time; they are counted, and said when it moves again', async () => {
  const screen = new StuckScreen()
  const { exporter, telemetry, clock } = await started({ buffer_size: 1000 }, screen)
  for (let n = 0; n < 50; n++)
    expect(await exporter.consume(batchOf({ events: [event(n, 'a.service', 'started', Severity.info)] }))).toEqual({
      kind: 'ok',
    })
  const omitted = telemetry.drops.get('screen_full') ?? 0
  expect(omitted).toBeGreaterThan(0)
  expect(telemetry.processedItems + omitted).toBe(50)
  screen.release()
  await settle()
  await exporter.consume(batchOf({ events: [event(50, 'b.service', 'started', Severity.info)] }))
  await settle()
  expect(screen.text).toContain(`${omitted} lines left out`)
  expect(screen.text).toContain('b.service')
  await clock.advance(1)
  await exporter.shutdown()
})

test('shutdown does not wait for a stopped terminal', async () => {
  const { exporter, clock } = await started({}, new StuckScreen())
  await exporter.consume(batchOf({ events: [event(0, 'a.service', 'started', Severity.info)] }))
  const stopped = exporter.shutdown()
  await clock.advance(1000)
  await stopped
  await exporter.shutdown()
})

test('a reader that went away (EPIPE) ends the output, not the agent', async () => {
  const screen: Screen = {
    color: false,
    write: () => Promise.reject(Object.assign(new Error('EPIPE'), { code: 'EPIPE' })),
    close: async () => {},
  }
  const { exporter, telemetry, host } = await started({}, screen)
  await exporter.consume(batchOf({ events: [event(0, 'a.service', 'started', Severity.info)] }))
  await settle()
  expect(await exporter.consume(batchOf({ events: [event(1, 'a.service', 'started', Severity.info)] }))).toEqual({
    kind: 'ok',
  })
  expect(telemetry.drops).toEqual(new Map([['screen_full', 1]]))
  expect(host.last).toEqual({ state: 'degraded', reason: 'nothing can be shown any more: EPIPE' })
})

// --- helpers ---

const traceId = '9f2c1ab74dd84ac1b7b1d3b0c1f7a001'
const host: Resource = { key: 'host', attributes: { 'service.name': 'unitscope', 'host.name': 'node1' } }

function verdict(word: string): Attributes {
  return { 'systemd.unit.verdict': word }
}

function job(result: string): Attributes {
  return { 'systemd.job.result': result }
}

function unit(name: string): Resource {
  return { key: `unit:system:${name}`, attributes: { 'service.name': name, 'systemd.unit.name': name } }
}

/** @param ms - after 12:04:31.000 UTC */
function at(ms: number): bigint {
  return 1_795_176_271_000_000_000n + BigInt(ms) * 1_000_000n
}

function event(
  ms: number,
  name: string,
  what: string,
  severity: SeverityNumber,
  attributes: Attributes = {},
  part: Partial<RawEvent> = {},
): RawEvent {
  return {
    timeUnixNano: at(ms),
    observedTimeUnixNano: at(ms + 1),
    name: `systemd.unit.${what}`,
    severity,
    body: `${name} ${what}`,
    attributes: { 'systemd.unit.name': name, ...attributes },
    traceId,
    resource: unit(name),
    ...part,
  }
}

function aBadMinute(): Batch {
  const crashy = 'crashy.service'
  const exit3 = { 'systemd.unit.result': 'exit-code', 'process.exit.code': 3 }
  return {
    events: [
      event(0, crashy, 'started', Severity.info, { 'process.pid': 4711, 'systemd.unit.result': 'success' }),
      event(412, crashy, 'failed', Severity.error, { ...exit3, 'systemd.unit.n_restarts': 0 }),
      event(415, crashy, 'restarting', Severity.warn, { 'systemd.unit.n_restarts': 1 }),
      event(517, crashy, 'restarted', Severity.info, { 'systemd.unit.n_restarts': 1 }),
      event(612, 'leaker.service', 'oom_killed', Severity.error, {
        'systemd.unit.result': 'oom-kill',
        'process.exit.signal': 'SIGKILL',
      }),
      event(700, 'systemd-networkd-wait-online@enp0s31f6.service', 'failed', Severity.error, {
        'systemd.unit.result': 'timeout',
      }),
      event(810, crashy, 'start_limit_hit', Severity.error, {
        'systemd.unit.result': 'start-limit-hit',
        'systemd.unit.n_restarts': 5,
      }),
      event(805, 'api.service', 'stopped', Severity.warn, {
        'systemd.unit.result': 'success',
        'process.exit.signal': 'SIGTERM',
        'systemd.unit.caused_by': 'database.service',
      }),
      event(806, 'typo.service', 'failed', Severity.error, {
        'systemd.unit.result': 'exit-code',
        'process.exit.code': 203,
        'systemd.unit.n_restarts': 1,
      }),
      event(
        807,
        'web.service',
        'x',
        Severity.info,
        { 'systemd.job.result': 'done', 'process.exit.signal': 'SIGTERM' },
        { name: 'systemd.job.finished' },
      ),
      event(
        811,
        'backup.timer',
        'x',
        Severity.debug,
        { 'systemd.job.result': 'done' },
        { name: 'systemd.job.finished' },
      ),
      event(
        900,
        crashy,
        'x',
        Severity.error,
        {},
        {
          name: 'pattern.crash_loop.detected',
          body: 'crashy.service is in a crash loop: 5 crashes in 3 s (5x exit-code/3); last run: journalctl _SYSTEMD_INVOCATION_ID=9f2c1ab74dd84ac1b7b1d3b0c1f7a001',
        },
      ),
      event(
        920,
        crashy,
        '7',
        Severity.error,
        {},
        {
          name: 'incident.opened',
          body: 'incident: crashy.service failed (exit-code 3); took down web.service',
          attributes: { 'systemd.unit.name': crashy, 'incident.id': '7'.repeat(32) },
          traceId: '7'.repeat(32),
        },
      ),
      event(
        930,
        crashy,
        '7',
        Severity.error,
        {},
        {
          name: 'incident.updated',
          body: 'incident of crashy.service: gave up, 5 failures, 2 units; took down web.service',
          attributes: { 'systemd.unit.name': crashy, 'incident.id': '7'.repeat(32) },
          traceId: '7'.repeat(32),
        },
      ),
      event(
        940,
        crashy,
        '7',
        Severity.info,
        {},
        {
          name: 'incident.resolved',
          body: 'incident of crashy.service resolved after 12.3s: 5 failures, 2 units',
          attributes: { 'systemd.unit.name': crashy, 'incident.id': '7'.repeat(32) },
          traceId: '7'.repeat(32),
        },
      ),
      event(
        950,
        'x',
        'x',
        Severity.warn,
        {},
        {
          name: 'systemd.source.gap',
          body: 'the bus was away for 2.1 s; state was read again',
          resource: host,
          attributes: {},
          traceId: undefined as never,
        },
      ),
    ],
    metrics: [
      {
        type: 'gauge',
        valueType: 'int',
        name: 'systemd.unit.memory.usage',
        unit: 'By',
        description: 'Memory',
        resource: unit('leaker.service'),
        points: [
          {
            attributes: {},
            timeUnixNano: at(900),
            value: 104_857_600,
            exemplars: [{ timeUnixNano: at(900), value: 1, traceId }],
          },
        ],
      },
      {
        type: 'sum',
        valueType: 'double',
        monotonic: true,
        name: 'systemd.unit.cpu.time',
        unit: 's',
        description: 'CPU',
        resource: unit(crashy),
        points: ['user', 'system'].map((mode) => ({
          attributes: { 'cpu.mode': mode },
          timeUnixNano: at(900),
          value: 1.25,
        })),
      },
    ],
    spans: [
      {
        traceId,
        spanId: '00f067aa0ba902b7',
        name: `${crashy} run`,
        kind: 'internal',
        startTimeUnixNano: at(0),
        endTimeUnixNano: at(412),
        attributes: { 'systemd.unit.result': 'exit-code' },
        events: [{ timeUnixNano: at(10), name: 'ready', attributes: {} }],
        links: [{ traceId, spanId: '00f067aa0ba902b8', attributes: {} }],
        status: { code: 'error', message: 'exit-code 3' },
        resource: unit(crashy),
      },
      phase('start', 0, 14),
      phase('running', 14, 412, 'exit-code 3'),
      // Its run came in another batch.
      { ...phase('stop', 412, 413), parentSpanId: '00f067aa0ba902ff' },
    ],
  }
}

function phase(name: string, fromMs: number, toMs: number, failure?: string): Span {
  return {
    traceId,
    spanId: `00f067aa0ba903${fromMs.toString(16).padStart(2, '0').slice(-2)}`,
    parentSpanId: '00f067aa0ba902b7',
    name,
    kind: 'internal',
    startTimeUnixNano: at(fromMs),
    endTimeUnixNano: at(toMs),
    attributes: {},
    events: [],
    links: [],
    status: failure === undefined ? { code: 'unset' } : { code: 'error', message: failure },
    resource: unit('crashy.service'),
  }
}

class StuckScreen implements Screen {
  readonly color = false
  text = ''
  #free: () => void = () => {}
  readonly #gate = new Promise<void>((resolve) => {
    this.#free = resolve
  })
  async write(bytes: Uint8Array): Promise<void> {
    await this.#gate
    this.text += Buffer.from(bytes).toString()
  }
  async close(): Promise<void> {}
  release(): void {
    this.#free()
  }
}

async function started(part: Partial<Config>, screen: Screen) {
  const telemetry = new RecordingTelemetry()
  const clock = new FakeClock(at(1000))
  const config: Config = { verbosity: 'normal', output: 'stdout', color: 'auto', buffer_size: 2 ** 20, ...part }
  const open = async (): Promise<Screen> => ({
    color: screen.color,
    write: (b) => screen.write(b),
    close: () => screen.close(),
  })
  const exporter = createDebugExporter(testSettings('exporter', 'debug', { telemetry, clock }), config, open)
  const reports = new TestHost()
  await exporter.start(reports)
  return { exporter, telemetry, clock, host: reports }
}

async function shown(batch: Batch, part: Partial<Config> = {}, color = false): Promise<string> {
  let text = ''
  const screen: Screen = {
    color,
    write: async (bytes) => {
      text += Buffer.from(bytes).toString()
    },
    close: async () => {},
  }
  const { exporter } = await started(part, screen)
  await exporter.consume(batch)
  await exporter.shutdown()
  return text
}

function expectGolden(name: string, actual: string): void {
  const file = fileURLToPath(new URL(`../../../golden/debug/${name}`, import.meta.url))
  if (process.env['UPDATE_GOLDEN'] === '1' || !existsSync(file)) {
    if (process.env['UPDATE_GOLDEN'] !== '1') throw new Error(`${file} is missing: run with UPDATE_GOLDEN=1`)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, actual)
  }
  expect(actual).toBe(readFileSync(file, 'utf8'))
}
