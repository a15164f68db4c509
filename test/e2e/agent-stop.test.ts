import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab, waitFor } from '../lab/lab.js'
import { freePort } from '../support/free-port.js'
import { startOtlpSink } from '../support/otlp-sink/otlp-sink.js'
import { type Agent, type Totals, type Workspace, watching, withAgent } from './agent.js'

const kLoops = 50
/** Per unit: 50 of them make two thousand events, more than the small queue below holds. */
const kRestarts = 8
const units = Array.from({ length: kLoops }, (_, n) => `loop${n}.service`)
const crashLoop = [
  '[Unit]',
  'StartLimitIntervalSec=0',
  '[Service]',
  'ExecStart=/bin/false',
  'Restart=always',
  'RestartSec=100ms',
  '',
].join('\n')

describeLab('SIGTERM under load is an ordered end: in time, nothing left inside, nothing lost unseen', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await bootLab()
    for (const unit of units) lab.writeUnit(unit, crashLoop)
    await lab.daemonReload()
  })
  afterAll(() => lab?.close())

  /** Stops an agent in the middle of the storm; its account must come out even. */
  async function stopUnderLoad(
    exporter: (workspace: Workspace) => object,
    started: (workspace: Workspace, agent: Agent) => Promise<void>,
    inspect: (totals: Totals, workspace: Workspace) => void,
  ): Promise<void> {
    const config = (workspace: Workspace) => ({
      receivers: {
        systemd: { address: lab.busAddress },
        cgroup: { root: lab.cgroupRoot, collection_interval: '1s' },
      },
      processors: { batch: { send_batch_size: 100, send_batch_max_size: 200 } },
      exporters: exporter(workspace),
      service: {
        pipelines: {
          main: {
            receivers: ['systemd', 'cgroup'],
            processors: ['batch'],
            exporters: Object.keys(exporter(workspace)),
          },
        },
      },
    })
    await withAgent(config, async (agent, workspace) => {
      await started(workspace, agent)
      await lab.systemctl('start', '--no-block', ...units)
      const restarts = async (unit: string) => Number((await lab.show(unit, 'NRestarts'))['NRestarts'])
      await waitFor('the storm', async () => (await restarts(units.at(-1)!)) >= kRestarts)

      const exit = await agent.stop()
      // In time by the agent's own clock: past kShutdownDeadlineMs it ends by force, with 1.
      expect(exit).toMatchObject({ code: 0, signal: null })
      const totals = agent.totals()
      const lost = Object.values(totals.dropped).reduce((sum, count) => sum + count, 0)
      expect(totals.received).toBeGreaterThan(kLoops * kRestarts)
      expect(totals.exported + lost).toBe(totals.received)
      inspect(totals, workspace)
    })
    await lab.systemctl('stop', ...units)
    await lab.systemctl('reset-failed') // NRestarts begins at 0 again
  }

  it('to a file: all of it is there, and every line is whole', () =>
    stopUnderLoad(
      (workspace) => ({ file: { path: workspace.path('out.jsonl'), max_size: '1GiB' } }),
      watching,
      ({ exported }, workspace) => {
        expect(workspace.output().items).toBe(exported)
        expect(workspace.text().endsWith('\n')).toBe(true)
      },
    ))

  it('to a server that never answers: what it may or may not have is counted as lost', async () => {
    const sink = await startOtlpSink()
    sink.respond = () => ({ kind: 'hang' })
    try {
      await stopUnderLoad(
        () => ({ otlp: { endpoint: sink.address, sending_queue: { max_items: 500, shutdown_timeout: '1s' } } }),
        () => sink.until(() => sink.tries > 0),
        ({ exported, dropped }) => {
          expect(exported).toBe(0)
          expect(Object.keys(dropped)).toContain('shutdown')
        },
      )
    } finally {
      sink.close()
    }
  })

  it('to a server that is not there, with a queue that keeps the newest', async () => {
    const port = await freePort()
    await stopUnderLoad(
      () => ({
        otlp: {
          endpoint: `127.0.0.1:${port}`,
          // One sender, so that what is on its way leaves room in the queue.
          sending_queue: { max_items: 500, concurrency: 1, overflow: 'drop_oldest', shutdown_timeout: '1s' },
        },
      }),
      (_, agent) => agent.logged(/"component":"exporter\/otlp".*"message":"degraded"/),
      ({ exported, dropped }) => {
        expect(exported).toBe(0)
        expect(Object.keys(dropped)).toEqual(expect.arrayContaining(['queue_full', 'shutdown']))
      },
    )
  })
})
