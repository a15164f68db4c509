import { expect, test } from 'vitest'
import { waitFor } from '../lab/lab.js'
import { OtlpClient } from '../support/otlp-client.js'
import { accountOf, onTmpfs, Rig, sum } from './rig.js'
import { inject } from './strace.js'

// F6: the disk is read-only, from the beginning or from some moment on.

test('F6 read-only at the start: refused, exit code 78, and the log says what to do', async () => {
  const rig = await Rig.make()
  try {
    const agent = rig.start(onTmpfs(rig.place, 'ro'))
    expect((await agent.exited).code).toBe(78)
    expect(agent.stderr).toMatch(/EROFS; make it writable, or set allow_volatile: true/)
  } finally {
    await rig.close()
  }
})

test('F6 read-only at the start, and allowed for: in memory, and degraded', async () => {
  const rig = await Rig.make({ queue: { allow_volatile: true } })
  try {
    const agent = await rig.started(onTmpfs(rig.place, 'ro'))
    await agent.logged(/degraded.*EROFS|EROFS.*degraded/)
    const client = new OtlpClient(rig.port)
    expect(await rig.oracle.export(client, 20)).toBe(true)
    client.close()
    await waitFor('all that is owed', () => rig.oracle.owed === 0)
    expect((await agent.stop()).code).toBe(0)
  } finally {
    await rig.close()
  }
})

test('F6 read-only while it runs: nothing is acknowledged, it is degraded, and goes on when that is over', async () => {
  const rig = await Rig.make()
  try {
    const agent = await rig.started()
    const client = new OtlpClient(rig.port)
    expect(await rig.oracle.export(client, 20)).toBe(true)
    const fault = await inject(rig, agent.pid, 'pwritev,pwrite64:error=EROFS')
    for (let n = 0; n < 3; n++) expect(await rig.oracle.export(client, 20)).toBe(false)
    await agent.logged(/the queue on disk cannot be written: EROFS/)
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
