import { describe, expect, test } from 'vitest'
import { settle } from '../../../../src/testkit/fake-clock.js'
import { entry, idOf, open } from './rig.js'

const range = (count: number, from = 0): number[] => Array.from({ length: count }, (_, n) => from + n)
const itemsOf = (ids: readonly number[]): number => ids.reduce((sum, id) => sum + (id % 3) + 1, 0)

describe('what is kept', () => {
  test('comes out in the order in which it went in, and is gone when it is settled, in any order', async () => {
    const { queue, put, drain } = await open()
    for (const id of range(10)) expect(await put([id])).toEqual({ kind: 'kept' })
    const kept = await drain()
    expect(kept.map(idOf)).toEqual(range(10))
    expect(queue.items).toBe(itemsOf(range(10)))
    for (const one of [...kept].reverse()) await queue.settle([one.place])
    expect(queue.items).toBe(0)
    expect(await drain()).toEqual([])
  })

  test('comes out of the next process, but for what was settled, once', async () => {
    const first = await open()
    await first.put(range(10))
    const kept = await first.drain()
    await first.queue.settle([kept[7]!.place, kept[2]!.place])
    const second = await open(first.disk.afterKill())
    expect(second.restored).toBe(itemsOf([0, 1, 3, 4, 5, 6, 8, 9]))
    const again = await second.drain()
    expect(again.map(idOf)).toEqual([0, 1, 3, 4, 5, 6, 8, 9])
    await second.queue.settle(again.map(({ place }) => place))
    await second.queue.close()
    expect([...second.disk.files.keys()]).toEqual([])
  })

  test('is not read again where its owner has it in memory and nothing waits before it', async () => {
    const { queue, drain } = await open()
    let room = true
    const put = async (id: number) => {
      const kept = await queue.append([entry(id)], () => room)
      return kept.kind === 'kept' ? kept.places?.length : kept
    }
    expect(await put(0)).toBe(1)
    room = false
    expect(await put(1)).toBeUndefined()
    room = true
    expect(await put(2)).toBeUndefined() // 1 comes before it
    expect((await drain()).map(idOf)).toEqual([1, 2])
    expect(await put(3)).toBe(1)
    expect(await drain()).toEqual([])
  })

  test('stands in segments, which go when all of them is settled', async () => {
    const { queue, put, drain, disk } = await open(undefined, { maxBytes: 8000 })
    for (const id of range(40)) await put([id])
    expect(queue.segments).toBeGreaterThan(2)
    const kept = await drain()
    expect(kept.map(idOf)).toEqual(range(40))
    for (const { place } of kept.slice(0, 39)) await queue.settle([place])
    await settle()
    expect(queue.segments).toBe(1)
    expect([...disk.files.keys()]).toHaveLength(2)
  })
})

test('of a long backlog few files are open, and after closing none', async () => {
  const first = await open(undefined, { maxBytes: 70_000 })
  for (const id of range(700)) await first.put([id])
  expect(first.queue.segments).toBeGreaterThan(5)
  await first.queue.close()
  expect(first.disk.open).toBe(0)
  const { queue, disk } = await open(first.disk.afterKill())
  expect(disk.open).toBe(0)
  for (let kept = await queue.read(1); kept.length > 0; kept = await queue.read(1)) {
    expect(disk.open).toBeLessThanOrEqual(2)
    await queue.settle(kept.map(({ place }) => place))
  }
  await queue.close()
  expect(disk.open).toBe(0)
})

describe('when the disk has it', () => {
  test('one write and one sync serve all that came while the disk was busy', async () => {
    const { queue, disk } = await open()
    const answers = await Promise.all(range(100).map((id) => queue.append([entry(id)], () => false)))
    expect(answers.every(({ kind }) => kind === 'kept')).toBe(true)
    const syncs = disk.operations.filter(({ kind, path }) => kind === 'sync' && path.endsWith('.log'))
    expect(syncs).toHaveLength(1)
  })

  test('always: nothing is answered before the sync has ended', async () => {
    const { disk, put } = await open()
    for (const id of range(5)) {
      const answer = put([id])
      let synced = 0
      disk.faults.fail = (kind, path) => {
        if (kind === 'sync' && path.endsWith('.log')) synced++
        return undefined
      }
      await answer
      expect(synced).toBe(1)
    }
  })

  test('interval: the sync comes later, once for all; never: only the kernel decides', async () => {
    for (const [fsync, wanted] of [
      ['interval', 1],
      ['never', 0],
    ] as const) {
      const { clock, disk, put, queue } = await open(undefined, { fsync })
      for (const id of range(5)) await put([id])
      const logSyncs = () => disk.operations.filter(({ kind, path }) => kind === 'sync' && path.endsWith('.log')).length
      expect(logSyncs()).toBe(0)
      await clock.advance(500)
      await settle()
      expect(logSyncs()).toBe(wanted)
      await queue.close()
      expect(clock.pending).toBe(0)
    }
  })
})

describe('a disk that fails', () => {
  test('whose fdatasync fails once: the segment is left, and what was in it and not acknowledged is written to a new one', async () => {
    const { disk, put, errors, troubles, queue, drain } = await open()
    await put([0])
    let failing = true
    disk.faults.fail = (kind, path) => {
      if (kind !== 'sync' || !path.endsWith('.log') || !failing) return undefined
      failing = false
      return 'EIO'
    }
    expect(await put([1])).toEqual({ kind: 'kept' })
    expect(errors).toEqual(new Map([['EIO', 1]]))
    expect(troubles).toEqual(['the queue on disk cannot be written: EIO', undefined])
    expect(queue.segments).toBe(2)
    expect((await drain()).map(idOf)).toEqual([0, 1])
    const next = await open(disk.afterKill())
    expect((await next.drain()).map(idOf)).toEqual([0, 1])
  })

  test('whose fdatasync fails always: nothing is acknowledged, and the caller keeps it', async () => {
    const { disk, put, errors, drain } = await open()
    disk.faults.fail = (kind) => (kind === 'sync' ? 'EIO' : undefined)
    for (const id of range(3)) expect(await put([id])).toMatchObject({ kind: 'refused' })
    expect(errors.get('EIO')).toBe(6)
    expect(await drain()).toEqual([])
    delete disk.faults.fail
    expect(await put([9])).toEqual({ kind: 'kept' })
    const next = await open(disk.afterKill())
    expect((await next.drain()).map(idOf)).toEqual([9])
  })

  test('that is full refuses, leaves no half record, and goes on when there is room', async () => {
    const { disk, put, troubles, drain } = await open()
    disk.faults.capacity = 1000
    const answers = []
    for (const id of range(20)) answers.push((await put([id])).kind)
    const kept = answers.filter((kind) => kind === 'kept').length
    expect(kept).toBeGreaterThan(3)
    expect(answers.slice(kept).every((kind) => kind === 'refused')).toBe(true)
    expect(troubles.at(-1)).toBe('the queue on disk cannot be written: ENOSPC')
    delete disk.faults.capacity
    expect(await put([100])).toEqual({ kind: 'kept' })
    expect(troubles.at(-1)).toBeUndefined()
    expect((await drain()).map(idOf)).toEqual([...range(kept), 100])
    const next = await open(disk.afterKill())
    expect((await next.drain()).map(idOf)).toEqual([...range(kept), 100])
    expect(next.drops.size).toBe(0)
  })

  test('that cannot take notes of what is settled delivers it again after a restart, and not before', async () => {
    const { disk, put, drain, queue } = await open()
    await put(range(3))
    const kept = await drain()
    disk.faults.fail = (kind, path) => (kind === 'write' && path.endsWith('.done') ? 'ENOSPC' : undefined)
    await queue.settle([kept[0]!.place])
    expect((await open(disk.afterKill())).restored).toBe(itemsOf(range(3)))
    delete disk.faults.fail
    await queue.settle([kept[1]!.place])
    expect((await open(disk.afterKill())).restored).toBe(itemsOf([2]))
  })
})

describe('a queue that is full', () => {
  const maxBytes = 8000

  test('block: the caller keeps what does not fit', async () => {
    const { put, queue, drops } = await open(undefined, { maxBytes })
    const answers = []
    for (const id of range(100)) answers.push((await put([id])).kind)
    expect(queue.bytes).toBeLessThanOrEqual(maxBytes)
    expect(queue.items).toBe(itemsOf(range(answers.filter((kind) => kind === 'kept').length)))
    expect(answers.filter((kind) => kind === 'refused').length).toBeGreaterThan(10)
    expect(drops.size).toBe(0)
  })

  test.each(['block', 'drop_newest'] as const)(
    '%s: what is delivered makes room, also where two do not fit',
    async (overflow) => {
      const { put, queue, drops, disk } = await open(undefined, { maxBytes, overflow })
      for (const id of range(20)) {
        expect((await put([id], 5000)).kind).toBe('kept')
        const [kept] = await queue.read(1)
        expect(idOf(kept!)).toBe(id)
        await queue.settle([kept!.place])
        expect(queue.items).toBe(0)
      }
      expect(drops.size).toBe(0)
      expect((await (await open(disk.afterKill())).drain()).length).toBe(0)
    },
  )

  test('drop_newest: what does not fit is counted', async () => {
    const { put, queue, drops } = await open(undefined, { maxBytes, overflow: 'drop_newest' })
    for (const id of range(100)) await put([id])
    expect(queue.items + drops.get('queue_full')!).toBe(itemsOf(range(100)))
  })

  test('drop_oldest: the oldest segment makes room, counted, in memory and on disk', async () => {
    const rig = await open(undefined, { maxBytes, overflow: 'drop_oldest' })
    await rig.put(range(3))
    // Two of them were read, and are held.
    for (const kept of (await rig.queue.read(1)).slice(0, 2)) rig.held.set(idOf(kept), kept)
    for (const id of range(200, 3)) expect((await rig.put([id])).kind).toBe('kept')
    expect(rig.held.size).toBe(0)
    expect(rig.queue.bytes).toBeLessThanOrEqual(maxBytes)
    const left = (await rig.drain()).map(idOf)
    expect(left.at(-1)).toBe(202)
    expect(left).toEqual(range(left.length, 203 - left.length))
    expect(rig.queue.items + rig.drops.get('queue_full')!).toBe(itemsOf(range(203)))
    const next = await open(rig.disk.afterKill())
    expect((await next.drain()).map(idOf)).toEqual(left)
  })

  test('what is larger than all of it is refused for good', async () => {
    const { put } = await open(undefined, { maxBytes })
    expect(await put([1], maxBytes)).toEqual({ kind: 'too_large' })
  })
})

test('a second process is refused, and changes nothing', async () => {
  const { disk, put } = await open()
  await put([1])
  const before = disk.operations.length
  await expect(open(disk)).rejects.toThrow('another agent uses it')
  expect(disk.operations.length).toBe(before)
})

describe('a disk that fails while something is written', () => {
  test('the segment is given up meanwhile: what was written to it comes out all the same', async () => {
    const { queue, put, drain, disk, clock, drops } = await open(undefined, { fsync: 'interval' })
    await put([0])
    await queue.settle((await drain()).map(({ place }) => place))
    let write = (): void => {}
    disk.faults.slow = (path) =>
      path.endsWith('.log') ? new Promise((resolve) => (write = resolve)) : Promise.resolve()
    const late = put([1])
    await settle()
    disk.faults.fail = (kind, path) => (kind === 'sync' && path.endsWith('.log') ? 'EIO' : undefined)
    await clock.advance(500)
    write()
    expect(await late).toEqual({ kind: 'kept' })
    delete disk.faults.fail
    delete disk.faults.slow
    expect((await drain()).map(idOf)).toEqual([1])
    expect([queue.items, drops.size]).toEqual([itemsOf([1]), 0])
    expect((await (await open(disk.afterKill())).drain()).map(idOf)).toEqual([1])
  })
})

test('a page that cannot be read costs what is on it, not what was read before', async () => {
  const first = await open(undefined, { maxBytes: 2 ** 26 })
  for (const id of range(30)) await first.put([id], 100_000)
  const second = await open(first.disk.afterKill(), { maxBytes: 2 ** 26 })
  let reads = 0
  second.disk.faults.fail = (kind) => (kind === 'read' && ++reads > 1 ? 'EIO' : undefined)
  const kept = await second.queue.read(2 ** 21)
  expect(kept.length).toBeGreaterThan(5)
  expect(kept.map(idOf)).toEqual(range(kept.length))
})
