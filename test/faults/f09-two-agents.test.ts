import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import { waitFor } from '../lab/lab.js'
import { OtlpClient } from '../support/otlp-client.js'
import { away, Rig } from './rig.js'

// F9 and F10: files that are not for this agent are left as they are.

/** All files of a queue, by their content. */
function fingerprint(folder: string): readonly string[] {
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile())
  return files
    .map(
      ({ name }) =>
        `${name} ${createHash('sha256')
          .update(readFileSync(join(folder, name)))
          .digest('hex')}`,
    )
    .sort()
}

/** An agent with a backlog, of which nothing is delivered. */
async function withBacklog(rig: Rig) {
  rig.backend = () => away
  const agent = await rig.started()
  const client = new OtlpClient(rig.port)
  for (let n = 0; n < 5; n++) expect(await rig.oracle.export(client, 20)).toBe(true)
  client.close()
  return agent
}

test('F9 two agents, one queue: the second ends, and has changed no byte', async () => {
  const rig = await Rig.make()
  try {
    const first = await withBacklog(rig)
    const before = fingerprint(rig.folder)
    const second = await rig.second()
    expect((await second.exited).code).toBe(1)
    expect(second.stderr).toMatch(/another agent uses it/)
    expect(fingerprint(rig.folder)).toEqual(before)
    rig.backend = () => ({ kind: 'ok' })
    await waitFor('all that is owed', () => rig.oracle.owed === 0)
    expect((await first.stop()).code).toBe(0)
  } finally {
    await rig.close()
  }
})

test('F10 a queue of a newer format: refused with 78, and no byte of it is changed', async () => {
  const rig = await Rig.make()
  try {
    const agent = await withBacklog(rig)
    await agent.stop('SIGKILL')
    for (const name of readdirSync(rig.folder).filter((one) => /\.(log|done)$/.test(one))) {
      const path = join(rig.folder, name)
      const bytes = readFileSync(path)
      bytes.writeUInt32LE(2, 8)
      bytes.writeUInt32LE(crc32(bytes.subarray(0, 28)), 28)
      writeFileSync(path, bytes)
    }
    const before = fingerprint(rig.folder)
    const next = rig.start()
    expect((await next.exited).code).toBe(78)
    expect(next.stderr).toMatch(/is of version 2 of the queue's format, this agent knows 1/)
    expect(fingerprint(rig.folder)).toEqual(before)
  } finally {
    await rig.close()
  }
})
