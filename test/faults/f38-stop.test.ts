import { expect, test } from 'vitest'
import { seededRandom } from '../../src/testkit/test-settings.js'
import { waitFor } from '../lab/lab.js'
import { accountOf, away, Rig, sum } from './rig.js'
import { rounds, seedOf } from './rounds.js'

// F38: SIGTERM under load, while the backend fails three requests of ten.

const kRounds = rounds(5, 100)

test(`F38 SIGTERM under load, ${kRounds} times: exit 0, the account is even, nothing is lost`, {
  timeout: 60_000 + kRounds * 15_000,
}, async () => {
  const seed = seedOf(38)
  const random = seededRandom(seed)
  const rig = await Rig.make()
  try {
    rig.backend = () => (random() < 0.3 ? away : { kind: 'ok' })
    for (let round = 0; round < kRounds; round++) {
      const agent = await rig.started()
      const stop = new AbortController()
      const loading = rig.oracle.load(rig.port, stop.signal)
      await new Promise((resolve) => setTimeout(resolve, 50 + random() * 450))
      const { code } = await agent.stop()
      stop.abort()
      await loading
      expect([seed, round, code]).toEqual([seed, round, 0])
      const { received, restored = 0, exported, queued = 0, dropped } = accountOf(agent)
      expect([seed, round, received + restored]).toEqual([seed, round, exported + queued + sum(dropped)])
      expect([seed, round, dropped]).toEqual([seed, round, {}])
    }
    rig.backend = () => ({ kind: 'ok' })
    const last = await rig.started()
    await waitFor(`all that is owed, seed ${seed}`, () => rig.oracle.owed === 0)
    await last.stop()
    expect([seed, rig.oracle.wrong, accountOf(last).queued ?? 0]).toEqual([seed, [], 0])
  } finally {
    await rig.close()
  }
})
