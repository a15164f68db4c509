import type { ComponentTelemetry } from '../../component/telemetry.js'
import { type Batch, batchOf, countItems } from '../../data/batch.js'
import { type Priority, priorityOfEvent, priorityOfSpan } from '../../data/priority.js'
import { type Kept, keep } from '../../lib/limits/remainder.js'

/** Gives up what comes again or can be done without, and counts it by class; failures and patterns go on. */
export function createShedder(telemetry: ComponentTelemetry): (batch: Batch) => Kept | undefined {
  const countStates = telemetry.counter('shed_states', 'State changes and spans dropped above the hard limit.')
  const countLines = telemetry.counter('shed_log_lines', 'Log lines dropped above the hard limit.')
  const countSamples = telemetry.counter('shed_samples', 'Metric points dropped above the hard limit.')
  return (batch) => {
    const events = keep(batch.events, (event) => isSpared(priorityOfEvent(event)))
    const spans = keep(batch.spans, (span) => isSpared(priorityOfSpan(span)))
    if (events === batch.events && spans === batch.spans && batch.metrics.length === 0) return undefined
    return {
      batch: batchOf({ events, spans }),
      settled() {
        const samples = countItems(batchOf({ metrics: batch.metrics }))
        const shed = { logs: batch.events.length - events.length, traces: batch.spans.length - spans.length }
        const lines = batch.events.filter((event) => priorityOfEvent(event) === 'log_line').length
        countSamples(samples)
        countLines(lines)
        countStates(shed.logs + shed.traces - lines)
        telemetry.dropped({ ...shed, metrics: samples }, 'memory_hard_limit')
      },
    }
  }
}

function isSpared(priority: Priority): boolean {
  return priority === 'failure' || priority === 'pattern'
}
