import { expect, test } from 'vitest'
import { waitFor } from '../lab/lab.js'
import { OtlpClient } from '../support/otlp-client.js'
import { accountOf, away, Rig, sum } from './rig.js'
import { inject } from './strace.js'

// F5: fdatasync fails. The kernel forgets the pages and the error, so what was to be synced is written to another file.

test('F5 EIO on each third fdatasync: what is acknowledged is there after a kill', async () => {
  const rig = await Rig.make()
  try {
    rig.backend = () => away
    const agent = await rig.started()
    const fault = await inject(rig, agent.pid, 'fdatasync:error=EIO:when=1+3')
    const client = new OtlpClient(rig.port)
    // strace counts for each thread: two may fail in a row, and then the request is refused.
    for (let n = 0; n < 40; n++) await rig.oracle.export(client, 20)
    expect(rig.oracle.acknowledged).toBeGreaterThan(10 * 20)
    client.close()
    await agent.stop('SIGKILL')
    await fault.end()
    expect(fault.calls().injected).toBeGreaterThan(5)
    expect(agent.stderr).toMatch(/the queue on disk cannot be written: EIO/)
    rig.backend = () => ({ kind: 'ok' })
    const next = await rig.started()
    await waitFor('all that is owed', () => rig.oracle.owed === 0)
    await next.stop()
    expect([rig.oracle.wrong, accountOf(next).dropped]).toEqual([[], {}])
  } finally {
    await rig.close()
  }
})

test('F5 EIO on every fdatasync: nothing is acknowledged, and it goes on when the disk is well', async () => {
  const rig = await Rig.make()
  try {
    const agent = await rig.started()
    const fault = await inject(rig, agent.pid, 'fdatasync:error=EIO')
    const client = new OtlpClient(rig.port)
    for (let n = 0; n < 5; n++) expect(await rig.oracle.export(client, 20)).toBe(false)
    expect(rig.oracle.acknowledged).toBe(0)
    await fault.end()
    await waitFor('an item to be taken again', () => rig.oracle.export(client, 20))
    client.close()
    await waitFor('all that is owed', () => rig.oracle.owed === 0)
    expect((await agent.stop()).code).toBe(0)
    const account = accountOf(agent)
    expect(account.received).toBe(account.exported + sum(account.dropped) + (account.queued ?? 0))
  } finally {
    await rig.close()
  }
})
