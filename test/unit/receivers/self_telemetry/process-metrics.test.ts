import { expect, test } from 'vitest'
import { createProcessMetrics, parseProcessMemory } from '../../../../src/receivers/self_telemetry/process-metrics.js'
import { sampleResource } from '../../../../src/testkit/sample.js'

const check = (status: string, expected: object) => expect(parseProcessMemory(status)).toEqual(expected)

test('VmRSS and RssAnon, in bytes', () => {
  check('Name:\tnode\nVmRSS:\t   43404 kB\nRssAnon:\t    7320 kB\nRssFile:\t   36084 kB\n', {
    rss: 43_404 * 1024,
    anonymous: 7320 * 1024,
  })
})

test('what the kernel does not tell, or tells otherwise, is absent and never zero', () => {
  check('', {})
  check('Name:\tVmRSS:\t1 kB', {})
  check('VmRSS:\t-1 kB\nRssAnon:\t7 MB\n', {})
  check('VmRSS:\t12345678901234567890 kB\n', {})
  check('VmRSS:\t10 kB', { rss: 10_240 })
})

test('a stall of the event loop shows in its delay, whenever it comes, and in one reading only', async () => {
  const metrics = createProcessMetrics(0n)
  const delay = (of: string): number => {
    const read = metrics.read(sampleResource(), 1n).find((metric) => metric.name === `nodejs.eventloop.delay.${of}`)
    const point = read?.points[0]
    return point !== undefined && 'value' in point ? Number(point.value) : 0
  }
  const turns = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await new Promise(setImmediate)
  }
  await turns(2)
  delay('max')
  const until = performance.now() + 300
  while (performance.now() < until);
  await turns(2)
  expect(delay('max')).toBeGreaterThanOrEqual(0.3)
  expect(delay('max')).toBe(0)
  metrics.close()
  metrics.close()
})

test('each description says by itself what it is of: a page shows it alone, in another order', async () => {
  const metrics = createProcessMetrics(0n)
  for (let turns = 0; turns < 4; turns++) await new Promise(setImmediate)
  const told = metrics.read(sampleResource(), 1n).map(({ name, description }) => [name, description] as const)
  metrics.close()
  expect(told.filter(([, description]) => /\b(the same|its)\b/i.test(description))).toEqual([])
  const loops = told.filter(([name]) => name.startsWith('nodejs.eventloop.'))
  expect(loops).toHaveLength(3)
  for (const [name, description] of loops) expect(description, name).toContain('event loop')
})
