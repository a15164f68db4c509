import { expect, test } from 'vitest'
import { CallError, type ControlPlane } from '../../../../src/lib/systemd/control-plane.js'
import { OnDemandPlane } from '../../../../src/lib/systemd/on-demand-plane.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'

/** A plane over connections that are counted. `trouble` is what they fail with; questions asked while `gate` is shut wait for it. */
function rig() {
  const clock = new FakeClock()
  const state = { made: 0, open: 0, trouble: '', gate: Promise.resolve() }
  const connect = async (): Promise<ControlPlane> => {
    if (state.trouble === 'no connection') throw new CallError(state.trouble)
    if (state.trouble === 'refused') throw new CallError(state.trouble, 'org.freedesktop.DBus.Error.AccessDenied')
    state.made++
    state.open++
    let open = true
    const answer = async <T>(value: T): Promise<T> => {
      await state.gate
      if (state.trouble !== '') throw new CallError(state.trouble)
      if (!open) throw new CallError('closed')
      return value
    }
    return {
      subscribe: () => answer(undefined),
      listUnits: () => answer([]),
      getProperty: () => answer(7),
      getManagerProperty: async () => 1,
      getManagerProperties: async () => ({ Version: '252' }),
      getProperties: async (unit) => {
        if (unit === 'gone.service') throw new CallError('not loaded', 'org.freedesktop.systemd1.NoSuchUnit')
        return answer({ Id: unit })
      },
      ping: () => answer(undefined),
      closed: new Promise(() => {}),
      close() {
        if (open) state.open--
        open = false
      },
    }
  }
  /** Shuts the gate; what is returned opens it. */
  const shut = (): (() => void) => {
    let open!: () => void
    state.gate = new Promise((resolve) => {
      open = resolve
    })
    return open
  }
  return { clock, state, shut, plane: new OnDemandPlane(connect, clock) }
}

test('a reading is one connection, which is gone when no question follows', async () => {
  const { clock, state, plane } = rig()
  await plane.subscribe() // nobody is asked
  expect(state.made).toBe(0)
  for (let unit = 0; unit < 5; unit++) {
    expect(await plane.getProperties('a.service', 'x')).toEqual({ Id: 'a.service' })
    await clock.advance(199)
  }
  expect(await Promise.all([plane.ping(), plane.listUnits(), plane.getProperty('a.service', 'x', 'y')])).toEqual([
    undefined,
    [],
    7,
  ])
  expect(state).toMatchObject({ made: 1, open: 1 })
  await clock.advance(200)
  expect(state).toMatchObject({ made: 1, open: 0 })
  await plane.ping()
  expect(state.made).toBe(2)
  plane.close()
  expect(await plane.closed).toBe('closed')
  await clock.advance(0)
  expect(state.open).toBe(0)
})

test('a question that fails is told, and the next one begins anew', async () => {
  const { clock, state, plane } = rig()
  for (const trouble of ['no connection', 'no answer within 5 s']) {
    state.trouble = trouble
    await expect(plane.ping()).rejects.toThrow(trouble)
    await clock.advance(0)
    expect(state.open).toBe(0)
    state.trouble = ''
    await plane.ping()
    plane.close()
    await clock.advance(0)
    expect(state.open).toBe(0)
  }
})

test('a unit that systemd refuses costs only its own question, not the connection of those asked beside it', async () => {
  const { clock, state, shut, plane } = rig()
  const open = shut()
  const other = plane.getProperties('a.service', 'x')
  await expect(plane.getProperties('gone.service', 'x')).rejects.toThrow('not loaded')
  await clock.advance(0)
  open()
  expect(await other).toEqual({ Id: 'a.service' })
  expect(await plane.ping()).toBeUndefined()
  expect(state).toMatchObject({ made: 1, open: 1 })
  await clock.advance(200)
  expect(state.open).toBe(0)
})

test('a question that fails late does not hang up on those who have begun anew', async () => {
  const { clock, state, shut, plane } = rig()
  const openFirst = shut()
  const late = expect(plane.listUnits()).rejects.toThrow('closed')
  await clock.advance(0) // asked
  state.gate = Promise.resolve()
  state.trouble = 'no answer within 5 s'
  await expect(plane.ping()).rejects.toThrow('no answer within 5 s')
  state.trouble = ''
  const openSecond = shut()
  const anew = plane.getProperties('a.service', 'x')
  await clock.advance(0)
  openFirst()
  await late
  await clock.advance(0)
  openSecond()
  expect(await anew).toEqual({ Id: 'a.service' })
  expect(state).toMatchObject({ made: 2, open: 1 })
})

test('a connection that is refused by name is none: the next question makes another', async () => {
  const { state, plane } = rig()
  state.trouble = 'refused'
  await expect(plane.ping()).rejects.toThrow('refused')
  state.trouble = ''
  await plane.ping()
  expect(state.made).toBe(1)
})
