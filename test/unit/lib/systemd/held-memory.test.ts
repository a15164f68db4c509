import { expect, test } from 'vitest'
import { heldBytes } from '../../../../src/lib/systemd/held-memory.js'

test.each<[string, Record<string, number>, number]>([
  [
    'processes, kernel and shared memory, but no cache',
    { anon: 10, file: 500, kernel: 8, shmem: 2, inactive_file: 9 },
    20,
  ],
  ['not what the kernel can take back of its own', { anon: 10, kernel: 8, slab_reclaimable: 5 }, 13],
  ['whatever comes first', { slab_reclaimable: 5, kernel: 8, anon: 10 }, 13],
  ['a kernel before 5.18, which has no sum of its own', { anon: 10, slab_reclaimable: 60, slab_unreclaimable: 3 }, 10],
  ['nothing', {}, 0],
])('%s', (_what, kinds, held) => {
  const points = Object.entries(kinds).map(([kind, value]) => ({
    attributes: { 'systemd.memory.kind': kind },
    timeUnixNano: 1n,
    value,
  }))
  expect(heldBytes(points)).toBe(held)
})
