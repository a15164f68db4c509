import { createServer } from 'node:net'
import { expect, it } from 'vitest'
import { freePortFrom } from '../../../src/cli/demo-source.js'

it('moves on from a port that is taken', async () => {
  const holder = createServer()
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
  const { port } = holder.address() as { port: number }
  try {
    const found = await freePortFrom(port)
    expect(found).toBeGreaterThan(port)
    const user = createServer()
    await new Promise<void>((resolve, reject) => user.once('error', reject).listen(found, '127.0.0.1', resolve))
    await new Promise((resolve) => user.close(resolve))
  } finally {
    await new Promise((resolve) => holder.close(resolve))
  }
})
