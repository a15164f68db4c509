import { expect, test } from 'vitest'
import type { ControlPlane } from '../../../../src/lib/systemd/control-plane.js'
import { readBriefly, readRest, readStates } from '../../../../src/lib/systemd/unit-reader.js'
import { brief, newTracker, Script } from './script.js'

const name = 'a.service'
const at = (usec: number, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  ActiveState: 'active',
  SubState: 'running',
  StateChangeTimestamp: BigInt(usec),
  ActiveEnterTimestamp: BigInt(usec),
  InactiveExitTimestamp: BigInt(usec),
  InvocationID: Buffer.alloc(16, 0xaa),
  ConditionResult: true,
  AssertResult: true,
  Result: 'success',
  MainPID: 42,
  ExecMainPID: 42, // as of all that have a main process
  NRestarts: 0,
  ExecMainStartTimestamp: BigInt(usec),
  ...more,
})
const failed = at(20, {
  ActiveState: 'failed',
  SubState: 'failed',
  Result: 'exit-code',
  MainPID: 0,
  ExecMainPID: 42,
  ExecMainCode: 1,
  ExecMainStatus: 3,
})
const listed = { name, loadState: 'loaded', activeState: 'active', subState: 'running', jobId: 0 }

/** A systemd with one unit, which is in the next of `states` from the call on that `until` counts. */
function systemd(...states: (readonly [properties: Record<string, unknown>, until: number])[]) {
  const asked: string[] = []
  const getProperty = async (_unit: string, _iface: string, property: string): Promise<unknown> => {
    const now = states.find(([, until]) => asked.length < until) ?? states.at(-1)!
    asked.push(property)
    return now[0][property]
  }
  return { asked, plane: { getProperty } as unknown as ControlPlane }
}

test('a unit that changes while it is read is read again: no state is made of two', async () => {
  for (const calls of [1, 5, 11, 13, 20]) {
    const { plane } = systemd([at(10), calls], [failed, Number.POSITIVE_INFINITY])
    const [unit] = await readStates(plane, [name])
    const { activeState, result, mainPid, execMainPid, execMainStatus, stateChangeUsec } = unit!.state
    expect({ activeState, result, mainPid, execMainPid, execMainStatus, stateChangeUsec }, `after ${calls}`).toEqual({
      activeState: 'failed',
      result: 'exit-code',
      mainPid: 0,
      execMainPid: 42,
      execMainStatus: 3,
      stateChangeUsec: 20,
    })
  }
})

test('a unit that is never the same twice is read all the same', async () => {
  let usec = 0
  const plane = { getProperty: async (_: string, __: string, property: string) => at(++usec)[property] }
  expect(await readStates(plane as unknown as ControlPlane, [name])).toHaveLength(1)
})

test('of a running service five properties are enough at first, and the rest makes the same state as all at once', async () => {
  const { asked, plane } = systemd([at(10, { ConditionTimestamp: 9n, ActiveExitTimestamp: 5n }), 1e9])
  const [first] = await readBriefly(plane, [listed], 100)
  expect(asked).toHaveLength(5)
  expect(first).toMatchObject({ brief: true, state: { activeState: 'active', stateChangeUsec: 10, mainPid: 0 } })
  const rest = await readRest(plane, [first!])
  expect(asked).toHaveLength(12)
  expect(rest).toEqual(await readStates(plane, [name]))
})

test('of one that is active without a main process, how that ended is asked, too', async () => {
  const ended = { MainPID: 0, ExecMainPID: 42, ExecMainCode: 1, ExecMainStatus: 3, ExecMainExitTimestamp: 15n }
  const exited = at(10, { SubState: 'exited', Result: 'exit-code', ...ended })
  const { plane } = systemd([exited, 1e9])
  const [first] = await readBriefly(plane, [{ ...listed, subState: 'exited' }], 100)
  const rest = await readRest(plane, [first!])
  expect(rest[0]!.state).toMatchObject({ result: 'exit-code', execMainStatus: 3, execMainExitUsec: 15 })
  expect(rest).toEqual(await readStates(plane, [name]))
})

test('a main process that ends while the rest is read changes nothing that is known: a signal tells', async () => {
  for (let calls = 6; calls < 18; calls++) {
    const { plane } = systemd([at(10), calls], [failed, Number.POSITIVE_INFINITY])
    const [first] = await readBriefly(plane, [listed], 100)
    const { mainPid, execMainPid, execMainCode } = (await readRest(plane, [first!]))[0]!.state
    expect([
      [0, 0, 0], // left as it was
      [42, 42, 0],
    ]).toContainEqual([mainPid, execMainPid, execMainCode])
  }
})

test('the list is believed only of units that have not changed since', async () => {
  const { plane } = systemd([failed, 1e9])
  const [unit] = await readBriefly(plane, [listed], 20)
  expect(unit!.brief).toBeUndefined()
  expect(unit!.state).toMatchObject({ activeState: 'failed', result: 'exit-code' })
})

test('of a unit that never ran two properties tell that there is no more to know; one whose condition failed is read', async () => {
  const never = { ActiveState: 'inactive', SubState: 'dead', StateChangeTimestamp: 0n, ConditionTimestamp: 0n }
  const row = { ...listed, activeState: 'inactive', subState: 'dead' }
  const idle = systemd([never, 1e9])
  const [unit] = await readBriefly(idle.plane, [row], 100)
  expect(idle.asked).toHaveLength(2)
  expect(unit!.brief).toBeUndefined()
  expect(unit).toEqual((await readStates(idle.plane, [name]))[0])
  const skipped = systemd([{ ...never, ConditionTimestamp: 7n, ConditionResult: false }, 1e9])
  expect((await readBriefly(skipped.plane, [row], 100))[0]!.state).toMatchObject({ conditionUsec: 7 })
})

test('a signal that comes before the rest is read knows better', async () => {
  const script = new Script(name).start(1, 'a')
  const state = script.state
  const tracker = newTracker()
  tracker.seed([{ name, state: { ...state, mainPid: 0, conditionUsec: 0 }, brief: true }], 1n)
  expect(tracker.unread()).toEqual([name])
  tracker.complete(name, { ...state, stateChangeUsec: state.stateChangeUsec + 1, mainPid: 7 })
  expect(tracker.state(name)).toMatchObject({ mainPid: 0 })

  tracker.seed([{ name, state: { ...state, mainPid: 0 }, brief: true }], 1n)
  script.u('failed/failed', { result: 'signal' })
  expect(tracker.feed(script.records.at(-1)!).map(brief)).toEqual(['failed a signal'])
  tracker.complete(name, state)
  expect(tracker.state(name)?.activeState).toBe('failed')

  tracker.seed([{ name, state: { ...state, mainPid: 0 }, brief: true }], 1n)
  tracker.complete(name, { ...state, mainPid: 7 })
  expect(tracker.state(name)).toMatchObject({ mainPid: 7 })
})
