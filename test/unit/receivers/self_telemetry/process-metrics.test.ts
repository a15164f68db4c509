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

test('a stall of the event loop shows in its delay', async () => {
  const metrics = createProcessMetrics(0n)
  const delay = (): number => {
    const read = metrics.read(sampleResource(), 1n).find((metric) => metric.name === 'nodejs.eventloop.delay.max')
    const point = read?.points[0]
    return point !== undefined && 'value' in point ? Number(point.value) : 0
  }
  // The first interval has no predecessor to be measured from, so the first stall may not count.
  do {
    const until = performance.now() + 300
    while (performance.now() < until);
    await new Promise(setImmediate)
  } while (delay() < 0.15)
  metrics.close()
})
