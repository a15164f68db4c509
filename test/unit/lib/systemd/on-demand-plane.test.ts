import { expect, test } from 'vitest'
import { CallError, type ControlPlane } from '../../../../src/lib/systemd/control-plane.js'
import { OnDemandPlane } from '../../../../src/lib/systemd/on-demand-plane.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'

/** A plane over connections that are counted; `trouble` is what they fail with. */
function rig() {
  const clock = new FakeClock()
  const state = { made: 0, open: 0, trouble: '' }
  const connect = async (): Promise<ControlPlane> => {
    if (state.trouble === 'no connection') throw new CallError(state.trouble)
    state.made++
    state.open++
    let open = true
    const answer = async <T>(value: T): Promise<T> => {
      if (state.trouble !== '') throw new CallError(state.trouble)
      if (!open) throw new CallError('closed')
      return value
    }
    return {
      subscribe: () => answer(undefined),
      listUnits: () => answer([]),
      getProperty: () => answer(7),
      getProperties: () => answer({ Id: 'a.service' }),
      ping: () => answer(undefined),
      closed: new Promise(() => {}),
      close() {
        if (open) state.open--
        open = false
      },
    }
  }
  return { clock, state, plane: new OnDemandPlane(connect, clock) }
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
