import { expect, test } from 'vitest'
import { waitFor } from '../lab/lab.js'
import { OtlpClient } from '../support/otlp-client.js'
import { accountOf, away, Rig } from './rig.js'

// F4: files may not grow beyond 300,000 bytes: a write is short, the next one fails with EFBIG.

test('F4 short writes and EFBIG: no hole in a log, and every record comes out of the next process', async () => {
  const rig = await Rig.make({ bodyBytes: 3000 })
  try {
    rig.backend = () => away
    const agent = await rig.started(['prlimit', '--fsize=300000'])
    const client = new OtlpClient(rig.port)
    for (let n = 0; n < 60; n++) expect(await rig.oracle.export(client, 20)).toBe(true)
    client.close()
    await agent.stop('SIGKILL')
    rig.backend = () => ({ kind: 'ok' })
    const next = await rig.started()
    await waitFor('all that is owed', () => rig.oracle.owed === 0)
    await next.stop()
    expect(rig.oracle.wrong).toEqual([])
    expect(accountOf(next).dropped).toEqual({})
  } finally {
    await rig.close()
  }
})
