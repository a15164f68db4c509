import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Flood } from '../../../bench/lib/flood.mjs'
import type { UnitState } from '../../../src/data/signal-record.js'
import { connectControlPlane } from '../../../src/lib/systemd/control-plane.js'
import { readUnits } from '../../../src/lib/systemd/unit-reader.js'
import { listen } from '../binding/listener.js'

const missing = existsSync('/usr/include/systemd/sd-bus.h') ? '' : ' [skipped: libsystemd-dev is not installed]'

/** What systemd says in signals and, asked, in answers; ControlPID and the times of conditions are not asked for. */
const shared = (state: UnitState) => {
  const { activeState, subState, jobId, invocationId, stateChangeUsec, activeEnterUsec, inactiveEnterUsec } = state
  return { activeState, subState, jobId, invocationId, stateChangeUsec, activeEnterUsec, inactiveEnterUsec }
}

test.skipIf(missing !== '')(`the benchmark's systemd answers what its signals said${missing}`, async () => {
  const units = 7
  const flood = await Flood.start('dbus-daemon', units)
  try {
    const listener = listen(flood.address)
    await listener.until('connected')
    // Not through a whole story: each unit stops somewhere else.
    const pairs = 100
    const { sent, changes } = await flood.send(2 * pairs, 0, 'the-end.service')
    await listener.until((records) => records.some((r) => r.kind === 'unit_new' && r.unit === 'the-end.service'))
    const { matched, rejected } = listener.reader.stats()
    expect({ matched, rejected }).toMatchObject({ matched: sent + 1, rejected: {} })

    const last = new Map<string, UnitState>()
    let seen = 0
    for (const record of listener.records) {
      if (record.kind !== 'unit_changed') continue
      if (record.state.stateChangeUsec !== last.get(record.unit)?.stateChangeUsec) seen++
      last.set(record.unit, record.state)
    }
    // The first that is heard of a unit is news, whether it has just changed or not.
    expect(seen).toBeGreaterThanOrEqual(changes)
    expect(seen).toBeLessThanOrEqual(changes + units)

    const plane = await connectControlPlane(flood.address)
    const listed = await plane.listUnits()
    const read = await readUnits(
      plane,
      listed.map(({ name }) => name),
    )
    expect(read.map(({ name, state }) => [name, shared(state)])).toEqual(
      [...last].map(([name, state]) => [name, shared(state)]).sort(([a], [b]) => String(a).localeCompare(String(b))),
    )
    plane.close()
    await listener.reader.close()
  } finally {
    await flood.end()
  }
})
