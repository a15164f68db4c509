import { expect, test } from 'vitest'
import { waitFor } from '../lab/lab.js'
import { OtlpClient } from '../support/otlp-client.js'
import { accountOf, Rig, sum } from './rig.js'

// One gateway of 200 agents, killed while they send and replaced by another on the same queue.

const kAgents = 200
const kRequests = 8
const kItems = 10
/** Requests of the exporter under way at once: what was on its way when the gateway was killed may come twice. */
const kInFlight = 4

test('200 agents, one gateway killed and replaced: everything arrives, and each agent was answered', async () => {
  const rig = await Rig.make()
  const clients = Array.from({ length: kAgents }, () => new OtlpClient(rig.port))
  try {
    const first = await rig.started()
    let tries = 0
    let taken = 0
    const agents = clients.map(async (client) => {
      for (let n = 0; n < kRequests; n++) {
        const sent = await rig.oracle.deliver(client, kItems)
        tries += sent
        taken++
      }
    })
    const half = (kAgents * kRequests) / 2
    await waitFor('half of all requests', () => taken >= half)
    expect((await first.stop('SIGKILL')).signal).toBe('SIGKILL')
    expect(taken).toBeLessThan(kAgents * kRequests)
    const second = await rig.started()
    await Promise.all(agents)
    await waitFor('all that is owed', () => rig.oracle.owed === 0, { timeoutMs: 60_000 })
    const total = kAgents * kRequests * kItems
    const { oracle } = rig
    expect([oracle.issued, oracle.acknowledged, oracle.arrived, oracle.wrong]).toEqual([total, total, total, []])
    // Sent again: what was not answered, one request of each agent at most and what was on its way behind the queue.
    expect(tries).toBeGreaterThan(kAgents * kRequests)
    expect(oracle.twice).toBeLessThanOrEqual((kAgents + kInFlight * 50) * kItems)
    expect((await second.stop()).code).toBe(0)
    const account = accountOf(second)
    expect([account.queued ?? 0, sum(account.dropped)]).toEqual([0, 0])
    expect(account.received + (account.restored ?? 0)).toBe(account.exported)
  } finally {
    for (const client of clients) client.close()
    await rig.close()
  }
})
