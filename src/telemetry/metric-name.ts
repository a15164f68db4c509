import type { ComponentId } from '../component/id.js'

/** `unitscope_<kind>_<type>[_<name>]`, every other character an underscore: valid in OTel, Prometheus and OpenMetrics. */
export function metricPrefix({ kind, id }: ComponentId): string {
  return `unitscope_${kind}_${id.replace(/[^A-Za-z0-9]+/g, '_')}`
}
