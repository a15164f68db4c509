import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { seededRandom } from '../../src/testkit/test-settings.js'
import type { Agent } from '../e2e/agent.js'
import { waitFor } from '../lab/lab.js'
import { OtlpClient } from '../support/otlp-client.js'
import { accountOf, away, Rig, sum } from './rig.js'
import { lasting, seedOf } from './rounds.js'

// F47: anything at random, one fault after the other under load, and then a time without faults: all that is owed has arrived, the account
// is even, and what comes then arrives, too.

const kMs = lasting(12_000, 30 * 60_000)
/** After the last fault: twice what the matrix allows, as others may have the CPU. */
const kQuietMs = 60_000

interface World {
  readonly rig: Rig
  readonly random: () => number
  agent: Agent
  /** What the backend does at the moment. */
  backend: 'takes all' | 'is away' | 'is away at random'
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
/** A while between two bounds, in milliseconds. */
const while_ = ({ random }: World, from: number, to: number) => sleep(from + random() * (to - from))

const faults: Readonly<Record<string, (world: World) => Promise<void>>> = {
  async 'kill -9'(world) {
    expect((await world.agent.stop('SIGKILL')).signal).toBe('SIGKILL')
    world.agent = await world.rig.started()
  },
  async 'a stop in order, and a start'(world) {
    const { code } = await world.agent.stop('SIGTERM')
    expect(code, world.agent.stderr).toBe(0)
    expectEven(world.agent)
    world.agent = await world.rig.started()
  },
  async 'the agent does not get a CPU'(world) {
    process.kill(world.agent.pid, 'SIGSTOP')
    await while_(world, 100, 1500)
    process.kill(world.agent.pid, 'SIGCONT')
  },
  async 'the backend is away'(world) {
    world.backend = 'is away'
    await while_(world, 200, 3000)
    world.backend = 'takes all'
  },
  async 'the backend fails seven requests of ten'(world) {
    world.backend = 'is away at random'
    await while_(world, 200, 3000)
    world.backend = 'takes all'
  },
  async 'a reload of a wrong file'(world) {
    const path = world.rig.workspace.path('agent.yaml')
    const right = readFileSync(path, 'utf8')
    writeFileSync(path, right.replace('"otlp"', '"otpl"'))
    const before = count(world.agent, /the changed configuration is wrong/g)
    process.kill(world.agent.pid, 'SIGHUP')
    await waitFor('the refusal', () => count(world.agent, /the changed configuration is wrong/g) > before)
    writeFileSync(path, right)
  },
  async 'a reload that exchanges the exporter, its queue on disk and all'(world) {
    const path = world.rig.workspace.path('agent.yaml')
    const config = JSON.parse(readFileSync(path, 'utf8'))
    config.exporters.otlp.retry.max_delay = `${200 + Math.floor(world.random() * 100)}ms`
    writeFileSync(path, JSON.stringify(config))
    const before = count(world.agent, /configuration reloaded/g)
    process.kill(world.agent.pid, 'SIGHUP')
    await waitFor('the reload', () => count(world.agent, /configuration reloaded/g) > before)
  },
  async 'a second agent on the same queue'(world) {
    const { code } = await (await world.rig.second()).exited
    expect(code).toBe(1)
  },
}

const count = ({ stderr }: Agent, pattern: RegExp): number => stderr.match(pattern)?.length ?? 0

function expectEven(agent: Agent): void {
  const { received, restored = 0, exported, queued = 0, dropped } = accountOf(agent)
  expect(received + restored).toBe(exported + queued + sum(dropped))
  expect(dropped).toEqual({})
  expect(agent.stderr).not.toContain('unaccounted')
}

test(`F47 anything at random for ${kMs / 1000} s: then nothing is owed and what is new arrives`, {
  timeout: kMs + 4 * kQuietMs + 60_000,
}, async () => {
  const seed = seedOf(47)
  const random = seededRandom(seed)
  const rig = await Rig.make()
  const story: string[] = []
  try {
    const world: World = { rig, random, agent: await rig.started(), backend: 'takes all' }
    rig.backend = () => {
      const fails = world.backend === 'is away' || (world.backend === 'is away at random' && random() < 0.7)
      return fails ? away : { kind: 'ok' }
    }
    const stop = new AbortController()
    const loading = rig.oracle.load(rig.port, stop.signal, { pauseMs: 5 })
    const until = performance.now() + kMs
    const kinds = Object.keys(faults)
    while (performance.now() < until) {
      const kind = kinds[Math.floor(random() * kinds.length)]!
      story.push(kind)
      await faults[kind]!(world)
      await while_(world, 50, 500)
    }
    stop.abort()
    await loading

    await waitFor('all that is owed', () => rig.oracle.owed === 0, { timeoutMs: kQuietMs })
    const client = new OtlpClient(rig.port)
    expect(await rig.oracle.export(client, 1)).toBe(true)
    await waitFor('a fresh item', () => rig.oracle.owed === 0, { timeoutMs: kQuietMs })
    client.close()
    expect(rig.oracle.wrong).toEqual([])
    expect(rig.oracle.acknowledged).toBeGreaterThan(100) // there was load at all
    expect((await world.agent.stop('SIGTERM')).code).toBe(0)
    expectEven(world.agent)
  } catch (error) {
    throw new Error(`seed ${seed}, after: ${story.join('; ')}`, { cause: error })
  } finally {
    await rig.close()
  }
})
