import { expect, test } from 'vitest'
import { FailureError, type Invocation, UsageError } from '../../../src/cli/command.js'
import { runGraph } from '../../../src/cli/run-graph.js'
import type { UnitDependencies } from '../../../src/data/unit-dependencies.js'
import { CallError, type ControlPlane } from '../../../src/lib/systemd/control-plane.js'
import { systemdView } from '../lib/dependencies/systemd-view.js'
import { runCli } from './support.js'

test.each<[argv: string[], reason: string]>([
  [['--format', 'svg'], 'option --format: no format "svg": text, dot, mermaid, json'],
  [['--format', 'jsn'], 'option --format: no format "jsn": did you mean "json"?'],
  [['a', '--depth', '0'], 'option --depth: must be a number from 1 to 64'],
  [['a', '--depth', '65'], 'option --depth: must be a number from 1 to 64'],
  [['a', '--depth', '2x'], 'option --depth: must be a number from 1 to 64'],
  [['a', '--direction', 'need'], 'option --direction: no direction "need": did you mean "needs"?'],
  [['a', '--direction', 'needs', '--reverse'], 'option --reverse: --direction says already which way'],
  [['--reverse'], 'option --reverse needs a UNIT: the whole graph has no beginning'],
  [['--depth', '3'], 'option --depth needs a UNIT: the whole graph has no beginning'],
  [['--kinds', 'Require'], 'option --kinds: no dependency "Require": did you mean "Requires"?'],
  [['--kinds', ','], 'option --kinds: no dependency "": all, or of Requires, '],
  [['a', 'b'], 'unexpected argument "b"'],
])('%j', async (argv, reason) => {
  const { exit, stderr, stdout } = await runCli(['graph', ...argv])
  expect({ exit, stdout }).toEqual({ exit: 64, stdout: '' })
  expect(stderr).toContain(`unitscope: ${reason}`)
  expect(stderr).toContain('Try: unitscope graph --help')
})

const units: Readonly<Record<string, UnitDependencies>> = {
  'web.service': { Requires: ['api.service'], After: ['api.service'] },
  'api.service': { BindsTo: ['db.service'], Wants: ['gone.service'] },
  'db.service': { Wants: ['api.service'] },
}

const unasked = async (): Promise<never> => {
  throw new Error('not to be asked')
}

/** @param down - not loaded: they do not run, and nothing that is loaded refers to them */
function rig(color = false, down: readonly string[] = []) {
  let out = ''
  const asked: string[] = []
  const view = systemdView(units)
  const plane: ControlPlane = {
    closed: new Promise(() => {}),
    close: () => void asked.push('close'),
    ping: unasked,
    subscribe: unasked,
    async getProperty(name, _iface, property) {
      if (property === 'Requires' || property === 'RequiredBy') asked.push(name)
      const states: Record<string, unknown> = { ActiveState: 'inactive', SubState: 'dead' }
      if (property === 'LoadState') return view.has(name) ? 'loaded' : 'not-found'
      return states[property] ?? (view.get(name) as unknown as Record<string, unknown>)[property]
    },
    getManagerProperty: unasked,
    getManagerProperties: unasked,
    listUnits: async () =>
      [...view.keys()]
        .filter((name) => !down.includes(name))
        .map((name) => {
          const [activeState, subState] = name === 'db.service' ? ['failed', 'failed'] : ['active', 'running']
          const loaded = name !== 'gone.service'
          return {
            name,
            loadState: loaded ? 'loaded' : 'not-found',
            activeState: loaded ? activeState! : 'inactive',
            subState: loaded ? subState! : 'dead',
            jobId: 0,
          }
        }),
    getProperties: unasked,
  }
  return {
    asked,
    async run(operands: readonly string[], values: Invocation['values'] = {}): Promise<string> {
      const write = (text: string): void => {
        out += text
      }
      const output = { write, isTty: color, columns: 80, color }
      const terminal = { out: output, err: output }
      const exitNow = (): never => {
        throw new Error('exit')
      }
      expect(
        await runGraph(
          { operands, values, terminal, commands: async () => [], env: {}, onOutputGone() {}, exitNow },
          async () => plane,
        ),
      ).toBe(0)
      return out
    },
  }
}

test('a circle is opened once, and asked about once; what is not loaded never', async () => {
  const { run, asked } = rig()
  expect(await run(['web'], { depth: '9' })).toBe(
    [
      'web.service  active/running',
      '└─ api.service  Requires, After  active/running',
      '   ├─ db.service  BindsTo  failed',
      '   │  └─ api.service  Wants  active/running  (see above)',
      '   └─ gone.service  Wants  not-found',
      '',
    ].join('\n'),
  )
  expect(asked).toEqual(['web.service', 'api.service', 'db.service', 'close'])
})

test('no more is asked about than depth needs', async () => {
  const { run, asked } = rig()
  expect(await run(['web'], { depth: '1' })).not.toContain('db.service')
  expect(asked).toEqual(['web.service', 'close'])
})

test('a unit that is down and not loaded is shown, with what it needs', async () => {
  const { run } = rig(false, ['web.service', 'api.service'])
  expect(await run(['web'], { depth: '2' })).toBe(
    [
      'web.service  inactive/dead',
      '└─ api.service  Requires, After  inactive/dead',
      '   ├─ db.service  BindsTo  failed',
      '   └─ gone.service  Wants  not-found',
      '',
    ].join('\n'),
  )
})

test.each([
  ['apj', ': did you mean "api.service"?'],
  ['xb', '; `systemctl list-unit-files` shows those that have a file'],
  ['wbx', '; `systemctl list-unit-files` shows those that have a file'],
  ['api.timer', '; `systemctl list-unit-files` shows those that have a file'],
  ['api@', ': did you mean "api.service"?'],
])('%s does not exist: it is asked about near names alone', async (name, remedy) => {
  const unit = name.includes('.') ? name : `${name}.service`
  await expect(rig().run([name])).rejects.toThrow(new FailureError(`systemd has no unit "${unit}"${remedy}`))
})

test('colours say how units are, on a terminal', async () => {
  expect(await rig(true).run(['api'], { depth: '1' })).toContain('db.service  BindsTo  \x1b[31mfailed\x1b[0m\n')
})

test('a bus that answers nothing, or does not let us ask, is told with what to do', async () => {
  const fail = (message: string, values: Invocation['values'] = { address: 'unix:path=/x' }) =>
    runGraph(
      {
        operands: [],
        values,
        commands: async () => [],
        env: { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/session' },
        terminal: {} as Invocation['terminal'],
        onOutputGone() {},
        exitNow: () => {
          throw new Error('exit')
        },
      },
      async () => {
        throw new CallError(message)
      },
    )
  await expect(fail('Hello: no answer within 5 s')).rejects.toThrow(
    new FailureError(
      'cannot ask systemd at unix:path=/x: Hello: no answer within 5 s\nIs the bus running (systemctl status dbus)? ' +
        '--address names another one, e.g. unix:path=/host/run/dbus/system_bus_socket.',
    ),
  )
  await expect(fail('connect EACCES /x')).rejects.toThrow('You may not use this bus: try it as root.')
  await expect(fail('connect ENOENT /session', { user: true })).rejects.toThrow(
    new FailureError(
      'cannot ask systemd at unix:path=/session: connect ENOENT /session\n' +
        'Does a systemd of this user run (systemctl --user status)? Without --user the system is asked.',
    ),
  )
  await expect(fail('never asked', { address: '/run/dbus/system_bus_socket' })).rejects.toThrow(
    new UsageError('option --address: `/run/dbus/system_bus_socket` has no transport: write `unix:path=...`'),
  )
})
