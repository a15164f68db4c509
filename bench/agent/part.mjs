// A part of pipelines/host.yaml, to see what each costs.

/**
 * These components of a configuration of `hostConfig`, in one pipeline.
 *
 * @param {{receivers: string[], processors?: string[], exporters: string[]}} parts
 * @param {object} more - exporters that the whole does not have, by their names
 */
export function partOfHost(config, { receivers, processors = [], exporters }, more = {}) {
  const of = (all, names) => Object.fromEntries(names.map((id) => [id, all[id]]))
  return {
    receivers: of(config.receivers, receivers),
    processors: of(config.processors, processors),
    exporters: of({ ...config.exporters, ...more }, exporters),
    service: { pipelines: { main: { receivers, processors, exporters } } },
  }
}
