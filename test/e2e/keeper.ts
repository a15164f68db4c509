import type { Lab } from '../lab/lab.js'
import { type Agent, running, startAgent, type Workspace } from './agent.js'
import { journalFolder } from './journald-support.js'

/**
 * Starts an agent that keeps its state in the workspace, reads the lab's journal for what it has missed, and writes all it tells
 * to `out.jsonl`. To be started again after a kill.
 */
export async function startKeeper(lab: Lab, workspace: Workspace, processors: object = {}): Promise<Agent> {
  const config = {
    receivers: {
      systemd: {
        address: lab.busAddress,
        history: { directory: journalFolder(lab) },
        max_events_per_second: 100_000,
        collection_interval: '1s',
      },
    },
    processors,
    exporters: { file: { path: workspace.path('out.jsonl'), max_size: '1GiB' } },
    service: {
      state_directory: workspace.path('state'),
      pipelines: { main: { receivers: ['systemd'], processors: Object.keys(processors), exporters: ['file'] } },
    },
  }
  const agent = startAgent(['run', '--config', workspace.writeConfig(config)])
  await agent.logged(running)
  return agent
}
