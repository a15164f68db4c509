import { expect, test } from 'vitest'
import { seededRandom } from '../../src/testkit/test-settings.js'
import { waitFor } from '../lab/lab.js'
import { accountOf, away, Rig, sum } from './rig.js'
import { rounds, seedOf } from './rounds.js'

// F1: kill -9 under load, again and again, while the backend fails three requests of ten.

const kRounds = rounds(8, 1000)
const kSenders = 4
const kItems = 20
/** Requests of the exporter under way at once, each of one batch of the oracle. */
const kInFlight = 4

test(`F1 kill -9, ${kRounds} times: nothing that was acknowledged is lost`, {
  timeout: 60_000 + kRounds * 10_000,
}, async () => {
  const seed = seedOf(1)
  const random = seededRandom(seed)
  const rig = await Rig.make()
  try {
    rig.backend = () => (random() < 0.3 ? away : { kind: 'ok' })
    for (let round = 0; round < kRounds; round++) {
      const agent = await rig.started()
      const stop = new AbortController()
      const before = rig.oracle.acknowledged
      const loading = rig.oracle.load(rig.port, stop.signal, { senders: kSenders, items: kItems })
      await waitFor('load', () => rig.oracle.acknowledged > before)
      await new Promise((resolve) => setTimeout(resolve, 50 + random() * 450))
      expect((await agent.stop('SIGKILL')).signal).toBe('SIGKILL')
      stop.abort()
      await loading
    }
    rig.backend = () => ({ kind: 'ok' })
    const last = await rig.started()
    await waitFor(`all that is owed, seed ${seed}`, () => rig.oracle.owed === 0)
    const { code } = await last.stop()
    expect([seed, code]).toEqual([seed, 0])
    expect([seed, rig.oracle.owed, rig.oracle.wrong]).toEqual([seed, 0, []])
    expect(rig.oracle.acknowledged).toBeGreaterThanOrEqual(kRounds * kItems)
    expect(rig.oracle.twice).toBeLessThanOrEqual(kRounds * kInFlight * kItems)
    const account = accountOf(last)
    expect(account.queued ?? 0).toBe(0)
    expect(sum(account.dropped)).toBe(0)
  } finally {
    await rig.close()
  }
})
