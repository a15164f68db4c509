import { afterEach, expect, test, vi } from 'vitest'
import { MessageReader } from '../../../../src/lib/grpc/message.js'
import { message } from './servers.js'

afterEach(() => vi.restoreAllMocks())

test('an answer that comes a byte at a time is copied about once, not once for each byte', () => {
  const concat = vi.spyOn(Buffer, 'concat')
  const body = Buffer.alloc(1000, 'abc')
  const reader = new MessageReader(1000)
  for (const byte of message(body)) expect(reader.push(Buffer.of(byte))).toBeUndefined()
  expect(reader.finish('')).toEqual(body)
  const copiedBytes = concat.mock.results.reduce((sum, { value }) => sum + (value as Buffer).length, 0)
  expect(copiedBytes).toBeLessThanOrEqual(3 * 1005) // the message itself was made with one
})

test('a length that is more than is taken ends it before a byte of the message is there', () => {
  const reader = new MessageReader(1000)
  expect(reader.push(message(Buffer.alloc(0), 0, 1001))?.name).toBe('RESOURCE_EXHAUSTED')
})
