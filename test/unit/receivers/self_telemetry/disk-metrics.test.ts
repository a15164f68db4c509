import { statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { filesystem } from '../../../../src/lib/systemd/names.js'
import { readDisk } from '../../../../src/receivers/self_telemetry/disk-metrics.js'
import { sampleResource } from '../../../../src/testkit/sample.js'

test('used and free are those of the file system, as df(1) has them', async () => {
  const [metric] = await readDisk(tmpdir(), sampleResource(), 5n)
  const points = metric!.type === 'gauge' ? metric!.points : []
  const value = (state: string) =>
    Number(points.find(({ attributes }) => attributes[filesystem.state] === state)!.value)
  const { blocks, bsize } = statfsSync(tmpdir())
  expect(value('used')).toBeGreaterThan(0)
  expect(value('free')).toBeGreaterThan(0)
  // What is reserved for root is in neither.
  expect(value('used') + value('free')).toBeLessThanOrEqual(blocks * bsize)
})

test.each([
  ['without a folder', undefined],
  ['of a folder that is not there', '/nonexistent/state'],
])('%s nothing is told', async (_, folder) => {
  expect(await readDisk(folder, sampleResource(), 5n)).toEqual([])
})
