import { describe, expect, test } from 'vitest'
import {
  bodyOf,
  joinParcels,
  parcelOf,
  type WriteParcel,
} from '../../../../src/exporters/prometheus_remote_write/parcel.js'
import { storedParcels } from '../../../../src/exporters/prometheus_remote_write/stored-parcel.js'
import { OrderedWriting, type WriteResult } from '../../../../src/exporters/prometheus_remote_write/write-in-order.js'

const ours = storedParcels(7)
const theirs = storedParcels(0xffff_ffff)

/** As it comes back from the disk. */
function kept(parcel: WriteParcel, writer = ours, reader = ours): WriteParcel | undefined {
  const { kind, items, chunks, byteLength } = writer.entryOf(parcel)
  const body = Buffer.concat(chunks)
  expect(body).toHaveLength(byteLength)
  return reader.parcelOf({ kind, items, body })
}

describe('on a disk', () => {
  const made: readonly (readonly [what: string, parcel: WriteParcel])[] = [
    ['points and events', parcelOf({ logs: 2, metrics: 70_000 }, Buffer.alloc(3000, 'samples '))],
    ['what nobody has sent: the ends of series', parcelOf({}, Buffer.from('stale'))],
  ]
  test.each(made)('%s come back as they were', (_what, parcel) => {
    const { items, byteLength, signals, parts } = kept(parcel)!
    expect({ items, byteLength }).toEqual({ items: parcel.items, byteLength: parcel.byteLength })
    expect({ ...signals }).toEqual({ ...parcel.signals })
    expect(parts[0]!.isInherited).toBe(false)
    expect(bodyOf(kept(parcel)!)).toEqual(bodyOf(parcel))
    // With others in one request.
    expect(bodyOf(joinParcels([kept(parcel)!, parcel]))).toEqual(bodyOf(joinParcels([parcel, parcel])))
  })

  test('what another process has left is known as such', () => {
    expect(kept(parcelOf({ metrics: 1 }, Buffer.from('a')), theirs)!.parts[0]!.isInherited).toBe(true)
  })

  test('what is none of ours is none', () => {
    const entry = {
      kind: 32,
      items: 1,
      body: Buffer.concat([Buffer.alloc(12), Buffer.from([1, 0, 0, 0]), Buffer.from('x')]),
    }
    expect(ours.parcelOf(entry)).toBeDefined()
    expect(ours.parcelOf({ ...entry, kind: 2 })).toBeUndefined()
    expect(ours.parcelOf({ ...entry, items: 2 })).toBeUndefined()
    expect(ours.parcelOf({ ...entry, body: entry.body.subarray(0, 15) })).toBeUndefined()
  })
})

describe('what an earlier process may have written', () => {
  const refused = (outOfOrder: boolean | 'too_old'): WriteResult => {
    return { kind: 'permanent', reason: 'HTTP 400', anyRequest: false, outOfOrder }
  }
  const inherited = kept(parcelOf({ metrics: 3 }, Buffer.from('theirs')), theirs)!
  const own = parcelOf({ metrics: 4 }, Buffer.from('ours'))
  const also = parcelOf({ metrics: 5 }, Buffer.from('also ours'))
  const delivered = { kind: 'delivered' }
  const partly = (metrics: number) => ({
    kind: 'delivered',
    rejected: { logs: 0, metrics, traces: 0, unknown: 0 },
    message: 'HTTP 400',
  })

  const stories: readonly (readonly [
    story: string,
    parts: readonly WriteParcel[],
    answers: readonly WriteResult[],
    object,
  ])[] = [
    ['is delivered when the server has it', [inherited], [refused(true)], delivered],
    ['is lost when it is too old by now', [inherited], [refused('too_old')], refused('too_old')],
    ['is lost when something else is wrong', [inherited], [refused(false)], refused(false)],
    ['our own is lost when the server has newer samples', [own], [refused(true)], refused(true)],
    [
      'does not take with it what it was joined with',
      [inherited, own, also],
      [refused(true), refused(true), { kind: 'delivered' }, refused(true)],
      partly(5),
    ],
  ]
  test('a whole that was tried without an answer is gone through by parts as well', async () => {
    const unheard: WriteResult = { kind: 'retryable', reason: 'HTTP 503', maybeTaken: true }
    const left: WriteResult[] = [unheard, refused(true), refused(true), { kind: 'delivered' }]
    const writing = new OrderedWriting(joinParcels([inherited, own]))
    expect(await writing.try(async () => left.shift()!)).toEqual(unheard)
    expect(await writing.try(async () => left.shift()!)).toMatchObject({ kind: 'delivered' })
    expect(left).toEqual([])
  })

  test('too old is no proof, whatever was tried before', async () => {
    const left: WriteResult[] = [{ kind: 'retryable', reason: 'HTTP 503', maybeTaken: true }, refused('too_old')]
    const writing = new OrderedWriting(own)
    await writing.try(async () => left.shift()!)
    expect(await writing.try(async () => left.shift()!)).toEqual(refused('too_old'))
  })

  test.each(stories)('%s', async (_story, parcels, answers, expected) => {
    const left = [...answers]
    const parcel = parcels.length === 1 ? parcels[0]! : joinParcels(parcels)
    const result = await new OrderedWriting(parcel).try(async () => left.shift()!)
    expect(JSON.parse(JSON.stringify(result))).toEqual(expected)
    expect(left).toEqual([])
  })
})
