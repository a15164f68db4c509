import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { waitFor } from '../lab/lab.js'
import { OtlpClient } from '../support/otlp-client.js'
import { accountOf, away, onTmpfs, Rig, sum } from './rig.js'
import { passNumber } from './rounds.js'

// F3: the disk is full: a tmpfs of 4 MiB in a mount namespace of the agent's own, which grows in the end.

const kItems = 20
const kBytes = 2000

for (const overflow of ['block', 'drop_newest', 'drop_oldest'] as const)
  test(`F3 ENOSPC, ${overflow}: each item is delivered, queued, refused or counted, and it heals by itself`, async () => {
    const rig = await Rig.make({ sendingQueue: { overflow }, bodyBytes: kBytes })
    try {
      rig.backend = () => away
      const agent = await rig.started(onTmpfs(rig.place, 'size=4m'))
      const client = new OtlpClient(rig.port)
      const answers: boolean[] = []
      // 12 MiB into 4.
      for (let n = 0; n < 300; n++) {
        const taken = await rig.oracle.export(client, kItems)
        answers.push(taken)
        // Of what makes room all can be dropped but what is being sent at that moment: once its answer is there, there is some.
        if (overflow === 'drop_oldest' && !taken) await waitFor('room', () => rig.oracle.export(client, kItems))
      }
      await agent.logged(/the queue on disk cannot be written: ENOSPC/)
      const refused = answers.filter((taken) => !taken).length
      if (overflow !== 'drop_oldest') expect(refused).toBeGreaterThan(100)
      const before = rig.oracle.acknowledged
      execFileSync('nsenter', ['-t', String(agent.pid), '-m', 'mount', '-o', 'remount,size=64m', rig.place])
      await waitFor('an item to be taken again', () => rig.oracle.export(client, kItems), {
        timeoutMs: passNumber(5000, 60_000),
      })
      expect(rig.oracle.acknowledged).toBe(before + kItems)
      client.close()
      rig.backend = () => ({ kind: 'ok' })
      const left = () => (overflow === 'drop_oldest' ? rig.oracle.arrived === 0 : rig.oracle.owed > 0)
      await waitFor('all that is owed', () => !left())
      expect((await agent.stop()).code).toBe(0)
      const account = accountOf(agent)
      expect(account.received).toBe(account.exported + sum(account.dropped) + (account.queued ?? 0))
      expect(rig.oracle.wrong).toEqual([])
      const offered = rig.oracle.issued
      if (overflow === 'block') expect(account.dropped).toEqual({})
      if (overflow === 'drop_newest')
        expect(account.dropped).toEqual({ disk_failed: offered - rig.oracle.acknowledged })
      if (overflow === 'drop_oldest') {
        expect(Object.keys(account.dropped)).toEqual(['queue_full'])
        expect(sum(account.dropped) + (account.queued ?? 0)).toBe(rig.oracle.owed)
        expect(rig.oracle.owed).toBeGreaterThan(0)
      }
    } finally {
      await rig.close()
    }
  })
