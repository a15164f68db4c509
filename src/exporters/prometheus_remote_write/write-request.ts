import type { Family, Labels, SampleExemplar } from '../../lib/openmetrics/family.js'
import { ProtobufWriter } from '../../lib/otlp/protobuf-writer.js'

// WriteRequest{timeseries 1, metadata 3} of remote write 1.0 (prometheus.io/docs/specs/prw/remote_write_spec, prompb/types.proto).

/** The NaN that ends a series ("Stale markers"); other NaNs are values. */
const kStaleNaN = 0x7ff0_0000_0000_0002n

/** MetricMetadata.MetricType. */
const metadataTypes: Readonly<Record<Family['type'], number>> = { counter: 1, gauge: 2, histogram: 3, info: 6 }

const labelWriter = new ProtobufWriter()

/** The labels of a TimeSeries, ready for its message: sorted by name, none without a value, as the specification demands. */
export function labelFields(name: string, labels: Labels): string {
  const named: Labels = [['__name__', name], ...labels]
  labelWriter.reset()
  for (const label of named.filter(([, value]) => value !== '').sort(byName)) writeLabel(labelWriter, label)
  return labelWriter.since(0)
}

/** Writes samples, a series at a time, as fields of a WriteRequest. */
export class RequestWriter {
  readonly #writer = new ProtobufWriter()
  #open = 0

  /** What was written; it stays so until the next `reset`. */
  written(): Uint8Array {
    return this.#writer.written()
  }

  reset(): void {
    this.#writer.reset()
  }

  /** TimeSeries{labels 1, samples 2, exemplars 3}: samples and exemplars follow, then `endSeries`. */
  beginSeries(labels: string): void {
    this.#open = this.#writer.begin(1, 2)
    this.#writer.put(labels)
  }

  /** Sample{value 1, timestamp 2}, in milliseconds since 1970. */
  sample(value: number, timeMs: number): void {
    const start = this.#writer.begin(2)
    this.#writer.double(1, value)
    this.#writer.varint(2, timeMs)
    this.#writer.end(start)
  }

  staleMarker(timeMs: number): void {
    const start = this.#writer.begin(2)
    this.#writer.fixed64(1, kStaleNaN)
    this.#writer.varint(2, timeMs)
    this.#writer.end(start)
  }

  /** Exemplar{labels 1, value 2, timestamp 3}. */
  exemplar({ labels, value }: SampleExemplar, timeMs: number): void {
    const start = this.#writer.begin(3)
    for (const label of labels) writeLabel(this.#writer, label)
    this.#writer.double(2, value)
    this.#writer.varint(3, timeMs)
    this.#writer.end(start)
  }

  endSeries(): void {
    this.#writer.end(this.#open, 2)
  }

  /** MetricMetadata{type 1, metric_family_name 2, help 4, unit 5}. */
  metadata({ name, type, help, unit }: Family): void {
    const start = this.#writer.begin(3)
    this.#writer.varint(1, metadataTypes[type])
    this.#writer.string(2, familyName(name, type))
    this.#writer.string(4, help)
    if (unit !== undefined) this.#writer.string(5, unit)
    this.#writer.end(start)
  }
}

/** Receivers file metadata under the name of the samples, as a Prometheus that scraped the text format does. */
function familyName(name: string, type: Family['type']): string {
  return type === 'counter' ? `${name}_total` : type === 'info' ? `${name}_info` : name
}

function writeLabel(writer: ProtobufWriter, [name, value]: Labels[number]): void {
  const start = writer.begin(1)
  writer.string(1, name)
  writer.string(2, value)
  writer.end(start)
}

function byName([one]: Labels[number], [other]: Labels[number]): number {
  return one < other ? -1 : one > other ? 1 : 0
}
