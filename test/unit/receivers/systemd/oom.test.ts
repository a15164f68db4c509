import { expect, test } from 'vitest'
import { attr, event } from '../../../../src/lib/systemd/names.js'
import { type OomEvidence, type OomLoss, oomBoard } from '../../../../src/lib/systemd/oom-evidence.js'
import { quiet, running, start } from './start.js'

const invocationId = 'a'.repeat(32)
const evidence: OomEvidence = {
  unit: 'web.service',
  scope: 'system',
  invocationId,
  cgroup: '/system.slice/web.service',
  below: false,
  atUsec: 5,
  counter: { id: 7, before: 0, after: 1 },
}

const loss: OomLoss = {
  scope: 'system',
  slice: '/system.slice',
  kills: 1,
  grouped: false,
  complete: true,
  suspects: [{ unit: 'web.service', invocationId, cgroup: evidence.cgroup, id: 7, stirred: true, goneUsec: 5 }],
}

async function rig(written: Record<string, unknown> = quiet) {
  const rig = await start(written, (it) => it.units.set('web.service', { ...running, invocationId }))
  const board = rig.settings.shared.get(oomBoard)
  board.watch()
  const kills = () => rig.exporter.events.filter(({ name }) => name === event.oomKilled)
  return { ...rig, board, kills }
}

test('a kill of which systemd says nothing is told, as that of a run that lives on', async () => {
  const { board, clock, kills, receiver } = await rig()
  board.tell([evidence])
  await clock.advance(4500)
  expect(kills()).toEqual([])
  await clock.advance(6000)
  expect(kills().map(({ traceId, attributes }) => [traceId, attributes[attr.oomSurvived]])).toEqual([
    [invocationId, true],
  ])
  await clock.advance(60_000)
  expect(kills()).toHaveLength(1)
  await receiver.shutdown()
})

test('only units that are watched, of this manager', async () => {
  const { board, clock, kills, receiver } = await rig({ ...quiet, service_blacklist: ['other'] })
  board.tell([
    { ...evidence, scope: 'user' },
    { ...evidence, unit: 'other.service' },
  ])
  await clock.advance(20_000)
  expect(kills()).toEqual([])
  await receiver.shutdown()
})

test('what waits at the end is told before it', async () => {
  const { board, kills, receiver } = await rig()
  board.tell([evidence])
  await receiver.shutdown()
  expect(kills()).toHaveLength(1)
  board.tell([evidence])
  expect(kills()).toHaveLength(1)
})

test('what no run can be found for is counted', async () => {
  const { board, clock, telemetry, receiver } = await rig()
  board.tell([{ ...evidence, unit: 'unheard-of.service', invocationId: '' }])
  await clock.advance(20_000)
  await receiver.shutdown()
  expect(telemetry.counters.get('oom_unattributed')).toBe(1)
})

test('kills that only a slice has counted, and that are told of nobody, are drops with a reason', async () => {
  const { board, clock, kills, telemetry, receiver } = await rig({ ...quiet, service_blacklist: ['other'] })
  board.tell([], [{ ...loss, complete: false, kills: 3 }])
  board.tell([], [{ ...loss, scope: 'user', complete: false }])
  // Of a unit that is not watched no end is awaited.
  board.tell([], [{ ...loss, suspects: [{ ...loss.suspects[0]!, unit: 'other.service' }] }])
  // This one has not ended, as far as anybody knows.
  board.tell([], [loss])
  await clock.advance(20_000)
  await receiver.shutdown()
  expect(kills()).toEqual([])
  expect(Object.fromEntries(telemetry.drops)).toEqual({ oom_incomplete: 3, oom_unfound: 2 })
})
