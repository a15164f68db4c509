import { describe, expect, test } from 'vitest'
import { RefusalError } from '../../../../src/errors.js'
import type { SimulatedDisk } from '../../../support/simulated-disk.js'
import { entry, folder, idOf, open } from './rig.js'

// What happened to files while nobody had them: each byte of them cut off, flipped, or zeroed.

const log = `${folder}/0000000001.log`
const done = `${folder}/0000000001.done`
const kRecords = 8
/** Settled by the process before; whether these are damaged matters to nobody. */
const settled: ReadonlySet<number> = new Set([1, 4])
const ids = Array.from({ length: kRecords }, (_, id) => id)
const unsettled = ids.filter((id) => !settled.has(id))
const itemsOf = (of: readonly number[]): number => of.reduce((sum, id) => sum + entry(id).items, 0)

/** One segment, and where in it the records are. */
async function left(): Promise<{ disk: SimulatedDisk; ends: readonly number[] }> {
  const { queue, put, drain, disk } = await open()
  const ends: number[] = []
  for (const id of ids) {
    await put([id], 40 + id)
    ends.push(disk.files.get(log)!.length)
  }
  const kept = await drain()
  await queue.settle(kept.filter((one) => settled.has(idOf(one))).map(({ place }) => place))
  return { disk: disk.afterKill(), ends }
}

/** Starts on such files, delivers all there is, and starts again: what was lost is counted once, and the file is kept. */
async function recover(disk: SimulatedDisk) {
  const first = await open(disk)
  const kept = await first.drain()
  const found = kept.map(idOf)
  const lost = first.drops.get('damaged') ?? 0
  expect(first.restored).toBe(kept.reduce((sum, { items }) => sum + items, 0) + lost)
  expect(first.queue.items).toBe(first.restored - lost)
  const again = await open(disk.afterKill())
  expect((await again.drain()).map(idOf)).toEqual(found)
  expect(again.drops.size).toBe(0)
  await first.queue.settle(kept.map(({ place }) => place))
  await first.queue.close()
  const names = [...disk.files.keys()]
  expect(names.filter((name) => !name.startsWith(`${folder}/damaged/`))).toEqual([])
  return { found, lost, quarantined: names.length > 0 }
}

describe('a log', () => {
  test('cut off at any byte: what is whole comes out, what is not is counted', async () => {
    const { disk, ends } = await left()
    for (let size = 0; size < ends.at(-1)!; size++) {
      const cut = disk.afterKill()
      cut.files.set(log, cut.files.get(log)!.subarray(0, size))
      const whole = unsettled.filter((id) => ends[id]! <= size)
      const gone = unsettled.filter((id) => ends[id]! > size)
      const lost = itemsOf(gone)
      expect([size, await recover(cut)]).toEqual([size, { found: whole, lost, quarantined: gone.length > 0 }])
    }
  })

  test('with any byte flipped: one record is lost at most, and counted', async () => {
    const { disk, ends } = await left()
    for (let at = 0; at < ends.at(-1)!; at++) {
      for (const mask of [0x01, 0x80, 0xff]) {
        const flipped = disk.afterKill()
        const bytes = Buffer.from(flipped.files.get(log)!)
        bytes[at]! ^= mask
        flipped.files.set(log, bytes)
        const inRecord = at < 32 ? -1 : ends.findIndex((end) => at < end)
        const hit = unsettled.filter((id) => id === inRecord)
        const found = unsettled.filter((id) => id !== inRecord)
        expect([at, await recover(flipped)]).toEqual([at, { found, lost: itemsOf(hit), quarantined: hit.length > 0 }])
      }
    }
  })

  test('with zeros in its middle: the records there are lost and counted, those behind come out', async () => {
    const { disk, ends } = await left()
    for (let from = 32; from + 100 < ends.at(-1)!; from += 7) {
      const zeroed = disk.afterKill()
      const bytes = Buffer.from(zeroed.files.get(log)!)
      bytes.fill(0, from, from + 100)
      zeroed.files.set(log, bytes)
      const begins = (id: number): number => (id === 0 ? 32 : ends[id - 1]!)
      const hit = unsettled.filter((id) => begins(id) < from + 100 && ends[id]! > from)
      const found = unsettled.filter((id) => !hit.includes(id))
      expect([from, await recover(zeroed)]).toEqual([from, { found, lost: itemsOf(hit), quarantined: true }])
    }
  })

  test('with what looks like a record in a body: only those that were written come out', async () => {
    const { disk } = await left()
    const forged = disk.files.get(log)!.subarray(32, 200)
    const rig = await open()
    await rig.queue.append(
      [{ kind: 1, items: 1, signals: { logs: 1 }, chunks: [forged], byteLength: forged.length }, entry(5)],
      () => false,
    )
    const bytes = Buffer.from(rig.disk.files.get(log)!)
    bytes[33]! ^= 1 // the head before the forged ones
    rig.disk.files.set(log, bytes)
    expect((await recover(rig.disk.afterKill())).found).toEqual([5])
  })

  test('that vanished: what its notes say was left is counted', async () => {
    const { disk } = await left()
    disk.files.delete(log)
    expect(await recover(disk)).toEqual({ found: [], lost: itemsOf(unsettled), quarantined: true })
  })
})

describe('what is set aside', () => {
  const kept = (disk: SimulatedDisk) => [...disk.files.keys()].filter((path) => path.includes('/damaged/')).sort()
  /** The body of the first record is another one, and the queue is empty in the end. */
  const damage = async (disk: SimulatedDisk) => {
    const before = await open(disk)
    await before.put([0])
    await before.queue.close()
    disk.files.get(log)![70]! ^= 1
    const rig = await open(disk)
    await rig.drain()
    await rig.queue.close()
    return rig
  }

  test('is kept under a name of its own: numbers of segments begin again when a queue was empty', async () => {
    const { disk } = await open()
    const free = disk.afterKill()
    for (const turn of [1, 2]) {
      expect((await damage(free)).damaged).toEqual([`${log} kept`])
      expect(kept(free).filter((path) => path.endsWith('.log'))).toHaveLength(turn)
    }
  })

  test('makes room for the next when there are many: the oldest goes', async () => {
    const disk = (await open()).disk.afterKill()
    for (let turn = 0; turn < 12; turn++) await damage(disk)
    expect(kept(disk)).toHaveLength(16)
    expect(kept(disk).at(-1)).toBe(`${folder}/damaged/0000000012-0000000001.log`)
  })

  test('and cannot be: so it is said', async () => {
    for (const code of ['ENOSPC', 'EIO']) {
      const disk = (await open()).disk.afterKill()
      disk.faults.fail = (kind) => (kind === 'link' ? code : undefined)
      const { damaged, errors, drops } = await damage(disk)
      expect(damaged).toEqual([`${log} not kept`])
      expect([errors.get(code), drops.get('damaged')]).toEqual([1, entry(0).items])
    }
  })

  test('at the start, because no header is whole: kept as well, or said not to be', async () => {
    for (const code of [undefined, 'ENOSPC']) {
      const { disk } = await left()
      for (const path of [log, done]) disk.files.get(path)!.fill(0, 0, 8)
      disk.faults.fail = (kind) => (kind === 'link' ? code : undefined)
      expect((await open(disk)).damaged).toEqual([`${log} ${code === undefined ? 'kept' : 'not kept'}`])
    }
  })
})

describe('a file that the disk does not give (EIO) does not keep the agent from starting', () => {
  const failing = async (isHit: (kind: string, path: string) => boolean) => {
    const { disk } = await left()
    disk.faults.fail = (kind, path) => (isHit(kind, path) ? 'EIO' : undefined)
    const rig = await open(disk)
    const found = (await rig.drain()).map(idOf)
    expect(rig.errors.get('EIO')).toBeGreaterThan(0)
    return { ...rig, found }
  }
  const reads = new Set(['read', 'open'])

  test.each([...reads])('notes, at %s: all is delivered, what was settled once more', async (at) => {
    const { found, drops, damaged, disk } = await failing((kind, path) => kind === at && path === done)
    expect([found, drops, damaged]).toEqual([ids, new Map(), [`${done} kept`]])
    delete disk.faults.fail
    expect((await (await open(disk.afterKill())).drain()).map(idOf)).toEqual(ids)
  })

  test.each([...reads])('a log, at %s: what its notes say was left is counted', async (at) => {
    const { found, drops, damaged } = await failing((kind, path) => kind === at && path === log)
    expect([found, drops, damaged]).toEqual([[], new Map([['damaged', itemsOf(unsettled)]]), [`${log} kept`]])
  })

  test('both: they are set aside', async () => {
    const { found, damaged, disk } = await failing((kind, path) => kind === 'read' && !path.includes('damaged'))
    expect([found, damaged]).toEqual([[], [`${log} kept`]])
    expect([...disk.files.keys()].every((path) => path.includes('/damaged/'))).toBe(true)
  })

  test('but no more files than may be open do: that says nothing of the file', async () => {
    const { disk } = await left()
    disk.faults.fail = (kind) => (kind === 'open' ? 'EMFILE' : undefined)
    await expect(open(disk)).rejects.toThrow('EMFILE')
  })
})

describe('the notes of a log', () => {
  test('of what was given up, of which only the first outlived a power cut: the rest comes again and is counted', async () => {
    for (const notes of [1, 2, 3]) {
      const first = await open(undefined, { maxBytes: 8000, overflow: 'drop_oldest' })
      await first.put([0, 1, 2, 3, 4])
      // One is being sent, so the segment stays when it is given up.
      const [sending] = await first.queue.read(1)
      const before = first.disk.files.get(done)!.length
      for (let id = 5; !first.drops.has('queue_full'); id++) await first.put([id])
      const disk = first.disk.afterKill()
      for (const path of disk.files.keys()) if (path !== log && path !== done) disk.files.delete(path)
      disk.files.set(done, disk.files.get(done)!.subarray(0, before + 16 * notes))
      const second = await open(disk)
      const kept = await second.drain()
      expect(kept.map(idOf)).toContain(idOf(sending!))
      const items = kept.reduce((sum, one) => sum + one.items, 0)
      expect([notes, second.restored + second.found()]).toEqual([notes, items])
      await second.queue.settle(kept.map(({ place }) => place))
      expect([second.queue.items, second.drops]).toEqual([0, new Map()])
    }
  })

  /** Whatever happens to them, nothing is lost: at worst it is delivered again. */
  const check = async (disk: SimulatedDisk, what: unknown) => {
    const { found, lost } = await recover(disk)
    expect([what, lost]).toEqual([what, 0])
    expect(found.filter((id) => !settled.has(id))).toEqual(unsettled)
  }

  test('cut off at any byte, or gone', async () => {
    const { disk } = await left()
    for (let size = 0; size < disk.files.get(done)!.length; size++) {
      const cut = disk.afterKill()
      cut.files.set(done, cut.files.get(done)!.subarray(0, size))
      await check(cut, size)
    }
    disk.files.delete(done)
    await check(disk, 'gone')
  })

  test('with any byte flipped: one record at most is delivered again', async () => {
    const { disk } = await left()
    for (let at = 0; at < disk.files.get(done)!.length; at++) {
      const flipped = disk.afterKill()
      const bytes = Buffer.from(flipped.files.get(done)!)
      bytes[at]! ^= 0x10
      flipped.files.set(done, bytes)
      await check(flipped, at)
    }
  })
})

describe('what an agent of another version left', () => {
  const kVersionAt = 8

  test('is not touched, and the start is refused', async () => {
    const { disk } = await left()
    for (const path of [log, done]) disk.files.get(path)!.writeUInt32LE(2, kVersionAt)
    const before = [...disk.files].map(([path, bytes]) => [path, bytes.toString('hex')])
    await expect(open(disk)).rejects.toThrow(RefusalError)
    await expect(open(disk)).rejects.toThrow('is of version 2')
    expect([...disk.files].map(([path, bytes]) => [path, bytes.toString('hex')])).toEqual(before)
    expect(disk.operations).toEqual([])
  })

  test('in one file only, its header whole: refused as well; a mere flipped bit there is damage', async () => {
    const { crc32 } = await import('node:zlib')
    const { disk } = await left()
    const bytes = disk.files.get(log)!
    bytes.writeUInt32LE(2, kVersionAt)
    expect((await open(disk.afterKill())).restored).toBe(itemsOf(unsettled))
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 28)), 28)
    await expect(open(disk)).rejects.toThrow(RefusalError)
  })
})
