import { statfs } from 'node:fs/promises'
import type { Metric } from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'
import { filesystem } from '../../lib/systemd/names.js'

/**
 * How full the file system of a folder is, by OTel's name for it. Free is what an unprivileged process may still take, so that used and
 * free together are what this agent will ever have. Nothing where there is no folder, or none that answers.
 */
export async function readDisk(
  folder: string | undefined,
  resource: Resource,
  timeUnixNano: bigint,
): Promise<readonly Metric[]> {
  if (folder === undefined) return []
  try {
    const { bsize, blocks, bfree, bavail } = await statfs(folder)
    const point = (state: string, value: number) => ({
      attributes: { [filesystem.state]: state, 'file.directory': folder },
      timeUnixNano,
      value,
    })
    return [
      {
        type: 'gauge',
        valueType: 'int',
        name: filesystem.usage,
        unit: 'By',
        description: 'Space of the file system on which the state directory is.',
        resource,
        points: [point('used', (blocks - bfree) * bsize), point('free', bavail * bsize)],
      },
    ]
  } catch {
    return []
  }
}
