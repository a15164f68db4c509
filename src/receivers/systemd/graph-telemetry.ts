import type { ComponentTelemetry } from '../../component/telemetry.js'
import type { UnitGraph } from '../../lib/dependencies/unit-graph.js'

/** Registers what there is to say of the graph. Call what is returned to bring the counter up to date. */
export function graphTelemetry(telemetry: ComponentTelemetry, graph: UnitGraph): () => void {
  const units = 'Units whose dependencies are known, or that others name.'
  telemetry.gauge('graph_units', units, '{unit}', () => graph.size)
  const edges = 'Pairs of units of which one depends on the other.'
  telemetry.gauge('graph_edges', edges, '{edge}', () => graph.edges)
  const rejected = telemetry.counter('graph_rejected', 'Dependencies for which there was no room.')
  let counted = 0
  return () => {
    rejected(graph.rejected - counted)
    counted = graph.rejected
  }
}
