import { describe, expect, test } from 'vitest'
import { settle } from '../../../../src/testkit/fake-clock.js'
import { seededRandom } from '../../../../src/testkit/test-settings.js'
import type { Operation, SimulatedDisk } from '../../../support/simulated-disk.js'
import { entry, idOf, open } from './rig.js'

// F8: the power goes after each of all operations; of what was not synced by then nothing, all, or any part of it is there.

interface Story {
  readonly disk: SimulatedDisk
  /** After how many operations each record was acknowledged, and settled. */
  readonly acknowledged: ReadonlyMap<number, number>
  readonly settled: ReadonlyMap<number, number>
}

/** Records come, are read and settled, over several segments. */
async function story(fsync: 'always' | 'interval'): Promise<Story> {
  const { disk, queue, clock } = await open(undefined, { fsync, maxBytes: 6000 })
  const acknowledged = new Map<number, number>()
  const settled = new Map<number, number>()
  const random = seededRandom(8)
  const given: Awaited<ReturnType<typeof queue.read>>[number][] = []
  let next = 0
  for (let step = 0; step < 60; step++) {
    const ids = Array.from({ length: 1 + Math.floor(random() * 3) }, () => next++)
    const { kind } = await queue.append(
      ids.map((id) => entry(id)),
      () => false,
    )
    if (kind === 'kept') for (const id of ids) acknowledged.set(id, disk.operations.length)
    given.push(...(await queue.read(200)))
    while (given.length > 3) {
      const [one] = given.splice(Math.floor(random() * given.length), 1)
      await queue.settle([one!.place])
      settled.set(idOf(one!), disk.operations.length)
    }
    if (step % 5 === 4) await clock.advance(500)
    await settle()
  }
  return { disk, acknowledged, settled }
}

const random = seededRandom(88)
const keeps: readonly (readonly [string, (operation: Operation) => boolean])[] = [
  ['nothing', () => false],
  ['all', () => true],
  ['a part', () => random() < 0.5],
  ['data without names', ({ kind }) => kind === 'write'],
  ['names without data', ({ kind }) => kind !== 'write'],
]

/** What is owed after the first `count` operations: acknowledged by then, and its settling not begun. */
function owedAt({ acknowledged, settled }: Story, count: number): readonly number[] {
  return [...acknowledged].flatMap(([id, at]) =>
    at <= count && (settled.get(id) ?? Number.POSITIVE_INFINITY) > count + 2 ? [id] : [],
  )
}

describe.each(keeps)('of what was not synced %s is left', (_, keep) => {
  test('always: whatever was acknowledged is there, and nothing is said to be damaged', async () => {
    const told = await story('always')
    for (let count = 0; count <= told.disk.operations.length; count++) {
      const after = await open(told.disk.afterPowerCut(count, keep))
      const found = new Set((await after.drain()).map(idOf))
      const missing = owedAt(told, count).filter((id) => !found.has(id) && !told.settled.has(id))
      expect([count, missing]).toEqual([count, []])
      expect([count, after.drops.get('damaged') ?? 0]).toEqual([count, 0])
    }
  })

  test('interval: what was synced is there; what is missing came after the last sync, and the start works', async () => {
    const told = await story('interval')
    for (let count = 0; count <= told.disk.operations.length; count++) {
      const after = await open(told.disk.afterPowerCut(count, keep))
      const found = new Set((await after.drain()).map(idOf))
      const syncs = told.disk.operations.slice(0, count)
      const lastSync = syncs.findLastIndex(({ kind, path }) => kind === 'sync' && path.endsWith('.log'))
      const missing = [...told.acknowledged].filter(
        ([id, at]) => at <= lastSync && !told.settled.has(id) && !found.has(id),
      )
      expect([count, missing]).toEqual([count, []])
    }
  })
})
