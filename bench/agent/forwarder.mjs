import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, startAgent } from './agent.mjs'

/** The agent between OTLP/gRPC and OTLP/gRPC, with a queue in memory or (`storage`) on disk. */
export async function startForwarder(sink, storage) {
  const port = await freePort()
  const address = `127.0.0.1:${port}`
  const state = mkdtempSync(join(tmpdir(), 'unitscope-forward-'))
  const queue = { request_interval: '0s', max_bytes: '256MiB', ...(storage ? { storage: 'file_queue' } : {}) }
  const agent = startAgent({
    ...(storage ? { extensions: { file_queue: { directory: join(state, 'queue'), max_bytes: '4GiB' } } } : {}),
    receivers: { otlp: { protocols: { grpc: { endpoint: address } } } },
    exporters: { otlp: { endpoint: `http://${sink}`, sending_queue: queue } },
    service: {
      ...(storage ? { extensions: ['file_queue'] } : {}),
      pipelines: { traces: { receivers: ['otlp'], processors: [], exporters: ['otlp'] } },
    },
  })
  const close = async () => {
    await agent.close()
    rmSync(state, { recursive: true, force: true })
  }
  await agent.logged(/OTLP is taken/).catch(async (error) => {
    await close()
    throw error
  })
  return { address, pid: agent.pid, stop: agent.stop, close }
}
