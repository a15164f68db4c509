import protobuf from 'protobufjs'
import { uncompress } from 'snappyjs'
import { expect, test } from 'vitest'
import { batchOf } from '../../../../src/data/batch.js'
import { Planner } from '../../../../src/exporters/prometheus_remote_write/planner.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { sampleEvent, sampleResource } from '../../../../src/testkit/sample.js'

const WriteRequest = protobuf
  .parse(
    `syntax = "proto3";
    message Label { string name = 1; string value = 2; }
    message Sample { double value = 1; int64 timestamp = 2; }
    message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
    message WriteRequest { repeated TimeSeries timeseries = 1; }`,
  )
  .root.lookupType('WriteRequest')

interface Decoded {
  readonly timeseries: readonly {
    readonly labels: readonly { readonly name: string; readonly value: string }[]
    readonly samples: readonly { readonly value: number }[]
  }[]
}

/** `first 2`, one of each sample of a count. */
function samplesIn(request: Uint8Array): readonly string[] {
  const { timeseries } = WriteRequest.decode(uncompressed(request)) as unknown as Decoded
  return timeseries.flatMap(({ labels, samples }) => {
    const name = labels.find((label) => label.name === 'event')?.value
    if (name === undefined) return []
    return samples.map(({ value }) => `${name} ${Number.isNaN(value) ? 'ends' : value}`)
  })
}

const uncompressed = (request: Uint8Array): Uint8Array => {
  try {
    return Uint8Array.from(uncompress(Buffer.from(request)))
  } catch {
    return request
  }
}

test('a count of events goes on through minutes of silence, and is never there twice', async () => {
  const clock = new FakeClock()
  const planner = new Planner(clock, { maxSeries: 100, expirationMs: 300_000 }, [])
  const resource = sampleResource('shop.service')
  const said: string[] = []
  const event = (name: string, isTaken = true): void => {
    const { request } = planner.plan(batchOf({ events: [sampleEvent({ name, resource })] }))
    if (isTaken) said.push(...samplesIn(request))
    if (isTaken) planner.taken()
    else planner.undo()
  }
  // Two within the time in which the minute's repetition leaves out what was just sent; a new name, refused; and a third.
  for (let second = 1; second <= 260; second++) {
    await clock.advance(1000)
    if (second === 42 || second === 45) event('first')
    if (second === 191) event('second', false)
    if (second === 192) event('first')
    if (second % 10 > 0) continue
    const request = planner.planUpkeep()
    if (request === undefined) continue
    const samples = samplesIn(request)
    expect(new Set(samples.map((text) => text.split(' ')[0])).size).toBe(samples.length)
    said.push(...samples)
    planner.taken()
  }
  expect(said).not.toContain('first ends')
  const counts = said.map((text) => Number(text.split(' ')[1]))
  expect(counts).toEqual([...counts].sort((a, b) => a - b))
  expect(counts.at(-1)).toBe(3)
})

test('and ends an hour after the last of them', async () => {
  const clock = new FakeClock()
  const planner = new Planner(clock, { maxSeries: 100, expirationMs: 300_000 }, [])
  planner.plan(batchOf({ events: [sampleEvent({ name: 'first', resource: sampleResource('shop.service') })] }))
  planner.taken()
  const said: string[] = []
  for (let minute = 0; minute < 75; minute++) {
    await clock.advance(60_000)
    const request = planner.planUpkeep()
    if (request === undefined) continue
    said.push(...samplesIn(request))
    planner.taken()
  }
  expect(said.filter((text) => text === 'first ends')).toHaveLength(1)
  expect(said.at(-1)).toBe('first ends')
  expect(said.length).toBeGreaterThan(50)
})
