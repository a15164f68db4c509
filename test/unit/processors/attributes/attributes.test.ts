import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { ok, retryable } from '../../../../src/component/outcome.js'
import type { Attributes } from '../../../../src/data/attributes.js'
import { type Batch, batchOf } from '../../../../src/data/batch.js'
import { schema } from '../../../../src/processors/attributes/config.js'
import { factory } from '../../../../src/processors/attributes/factory.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { deepFreeze, sampleEvent, sampleGauge, sampleResource, sampleSpan } from '../../../../src/testkit/sample.js'
import { testSettings } from '../../../../src/testkit/test-settings.js'

function rig(written: unknown) {
  const config = createTestConfig(schema, written)
  expect(factory.check(config)).toEqual([])
  const next = new MemoryExporter()
  return { next, processor: factory.create(testSettings('processor', 'attributes'), config, next) }
}

async function edit(actions: readonly unknown[], attributes: Attributes): Promise<Attributes> {
  const { next, processor } = rig({ actions })
  await processor.consume(deepFreeze(batchOf({ events: [sampleEvent({ attributes })] })))
  return next.events[0]!.attributes
}

const sha = (text: string) => createHash('sha256').update(text).digest('hex')

describe('actions on one record', () => {
  test.each<[string, object, Attributes, Attributes]>([
    ['insert sets what is missing', { action: 'insert', key: 'k', value: 'v' }, {}, { k: 'v' }],
    ['insert leaves what is there', { action: 'insert', key: 'k', value: 'v' }, { k: 'old' }, { k: 'old' }],
    ['update leaves what is missing', { action: 'update', key: 'k', value: 'v' }, {}, {}],
    ['update replaces', { action: 'update', key: 'k', value: false }, { k: 'old' }, { k: false }],
    ['upsert does both', { action: 'upsert', key: 'k', value: 7 }, { k: 'old' }, { k: 7 }],
    ['from copies', { action: 'insert', key: 'k', from: 'a' }, { a: 5n }, { a: 5n, k: 5n }],
    ['from asks the resource next', { action: 'insert', key: 'k', from: 'host.name' }, {}, { k: 'test' }],
    ['from nothing sets nothing', { action: 'upsert', key: 'k', from: 'nope' }, { k: 1 }, { k: 1 }],
    ['rename', { action: 'rename', key: 'a', to: 'b' }, { a: 1, b: 2 }, { b: 1 }],
    ['rename to itself', { action: 'rename', key: 'a', to: 'a' }, { a: 1 }, { a: 1 }],
    ['delete', { action: 'delete', key: 'a' }, { a: 1, b: 2 }, { b: 2 }],
    ['delete by pattern', { action: 'delete', key: 'a.*' }, { 'a.x': 1, 'a.y': 2, b: 3 }, { b: 3 }],
    ['hash', { action: 'hash', key: 'a' }, { a: 'me' }, { a: sha('me') }],
    [
      'hash, salted and short',
      { action: 'hash', key: 'a', salt: 's', length: 16 },
      { a: 7 },
      { a: sha('s7').slice(0, 16) },
    ],
    ['hash of a list', { action: 'hash', key: 'a' }, { a: ['x', 'y'] }, { a: sha('["x","y"]') }],
    ['hash by pattern', { action: 'hash', key: '*', length: 8 }, { a: true }, { a: sha('true').slice(0, 8) }],
    ['names of Object are no attributes', { action: 'update', key: 'toString', value: 1 }, {}, {}],
  ])('%s', async (_, action, before, after) => {
    expect(await edit([action], before)).toEqual(after)
  })

  test('run in order', async () => {
    const actions = [
      { action: 'rename', key: 'a', to: 'b' },
      { action: 'upsert', key: 'a', from: 'b' },
      { action: 'delete', key: 'b' },
    ]
    expect(await edit(actions, { a: 1 })).toEqual({ a: 1 })
  })
})

test('what nothing changes stays the same object, up to the whole batch', async () => {
  const { next, processor } = rig({ actions: [{ action: 'delete', key: 'nope' }] })
  const batch = batchOf({ events: [sampleEvent()], metrics: [sampleGauge([1, 2])], spans: [sampleSpan()] })
  await processor.consume(batch)
  expect(next.batches[0]).toBe(batch)
})

test('only what is in scope changes; its neighbours stay the same objects', async () => {
  const { next, processor } = rig({
    include: [{ names: ['b'] }],
    actions: [{ action: 'insert', key: 'team', value: 'web' }],
  })
  const [a, b] = [sampleEvent({ name: 'a' }), sampleEvent({ name: 'b' })]
  await processor.consume(batchOf({ events: [a, b, a] }))
  expect(next.events[0]).toBe(a)
  expect(next.events[1]).toEqual({ ...b, attributes: { ...b.attributes, team: 'web' } })
  expect(next.events[2]).toBe(a)
})

describe('on resources', () => {
  const actions = [{ action: 'insert', key: 'zone', value: 'z1', on: 'resource' }]

  test('one resource becomes one other, so grouping by identity still works, over batches and kinds', async () => {
    const { next, processor } = rig({ actions })
    const resource = sampleResource('a.service')
    for (let round = 0; round < 2; round++)
      await processor.consume(
        batchOf({
          events: [sampleEvent({ resource }), sampleEvent({ resource })],
          metrics: [sampleGauge([1], { resource })],
          spans: [sampleSpan({ resource })],
        }),
      )
    const seen = new Set([...next.events, ...next.metrics, ...next.spans].map((record) => record.resource))
    expect(seen.size).toBe(1)
    expect([...seen][0]!.attributes).toEqual({ ...resource.attributes, zone: 'z1' })
    expect(resource.attributes).not.toHaveProperty('zone')
  })

  test('a metric with points in and out of scope becomes two, with all points', async () => {
    const { next, processor } = rig({ include: [{ attributes: { index: 1 } }], actions })
    await processor.consume(batchOf({ metrics: [sampleGauge([10, 20, 30])] }))
    expect(next.metrics.map(({ resource, points }) => [resource.attributes['zone'], points.length])).toEqual([
      [undefined, 2],
      ['z1', 1],
    ])
  })
})

test('a refused batch is offered again as the same object', async () => {
  const { next, processor } = rig({ actions: [{ action: 'insert', key: 'k', value: 1 }] })
  const offered: Batch[] = []
  next.respond = (batch, call) => {
    offered.push(batch)
    return call === 0 ? retryable('busy') : ok
  }
  const batch = batchOf({ events: [sampleEvent()] })
  await processor.consume(batch)
  await processor.consume(batch)
  expect(offered[1]).toBe(offered[0])
})

describe('check', () => {
  test.each([
    [{ action: 'insert', key: 'k' }, [], 'needs one of value and from'],
    [{ action: 'insert', key: 'k', value: 1, from: 'x' }, [], 'needs one of value and from'],
    [{ action: 'rename', key: 'k' }, [], 'needs the new name'],
    [{ action: 'rename', key: 'k', to: '__proto__' }, ['to'], 'not a name'],
    [{ action: 'delete', key: '[' }, ['key'], 'not closed'],
    [{ action: 'delete', key: 'k', value: 1 }, ['value'], 'means nothing'],
    [{ action: 'upsert', key: '__proto__', value: 1 }, ['key'], 'not a name'],
    [{ action: 'insert', key: 'k', value: 1, salt: 'secret!' }, ['salt'], 'means nothing'],
  ])('%j', (action, path, reason) => {
    const complaints = factory.check(createTestConfig(schema, { actions: [action] }))
    expect(complaints).toEqual([{ path: ['actions', 0, ...path], reason: expect.stringContaining(reason) }])
    expect(JSON.stringify(complaints)).not.toContain('secret!')
  })
})

test('an edited resource keeps what came with it: whose it is, and who made its records', async () => {
  const { next, processor } = rig({ actions: [{ action: 'upsert', key: 'site', value: 'b', on: 'resource' }] })
  const origins = ['red', 'blue'].map((tenant) => ({
    ...{ scope: 'scope', resource: '', resourceRecords: '', scopeRecords: '' },
    metadata: { 'x-scope-orgid': tenant },
  }))
  // Of one key, as whoever makes resources may have it.
  const resources = origins.map((origin) => ({ key: '', attributes: { 'service.name': 'shop' }, origin }))
  await processor.consume(batchOf({ events: resources.map((resource) => sampleEvent({ resource })) }))
  const edited = next.events.map(({ resource }) => resource)
  expect(edited.map(({ attributes }) => attributes)).toEqual(
    ['red', 'blue'].map(() => ({ 'service.name': 'shop', site: 'b' })),
  )
  expect(edited.map(({ origin }) => origin)).toEqual(origins)
})
