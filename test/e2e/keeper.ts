import type { Lab } from '../lab/lab.js'
import { type Agent, running, startAgent, Workspace } from './agent.js'
import { journalFolder } from './journald-support.js'

/**
 * Starts an agent that keeps its state in the workspace, reads the lab's journal for what it has missed, and writes all it tells
 * to `out.jsonl`. To be started again after a kill.
 */
async function startKeeper(lab: Lab, workspace: Workspace, processors: object = {}): Promise<Agent> {
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

/**
 * Keepers that come one after the other in one workspace. What fails is told with the log of the last one; in the end that is killed and the
 * workspace gone.
 */
export async function withKeepers(
  lab: Lab,
  body: (start: (processors?: object) => Promise<Agent>, workspace: Workspace) => Promise<void>,
): Promise<void> {
  const workspace = new Workspace()
  let last: Agent | undefined
  const start = async (processors?: object): Promise<Agent> => {
    last = await startKeeper(lab, workspace, processors)
    return last
  }
  try {
    await body(start, workspace)
  } catch (error) {
    throw new Error(`${(error as Error).message}\n--- the agent's log ---\n${last?.stderr.slice(-4096)}`, {
      cause: error,
    })
  } finally {
    await last?.stop('SIGKILL')
    workspace.remove()
  }
}
