import { type Batch, countItems, emptyBatch, type Signal } from '../../data/batch.js'
import type { EncodedRequest, RequestEncoder } from './encode.js'
import { jsonGroups, jsonText } from './json.js'
import type { Scope } from './scope.js'

/** As OTLP/JSON, for servers that take nothing else. */
export class JsonEncoder implements RequestEncoder {
  readonly #scope: Scope

  constructor(scope: Scope) {
    this.#scope = scope
  }

  encode(batch: Batch): readonly EncodedRequest[] {
    return jsonGroups(batch, this.#scope).map(({ signal, groups }) => {
      const bytes = Buffer.from(groups.map(jsonText).join(','))
      return { signal, encoding: 'json', items: itemsOf(batch, signal), chunks: [bytes], byteLength: bytes.byteLength }
    })
  }

  giveBack(): void {}
}

function itemsOf(batch: Batch, signal: Signal): number {
  switch (signal) {
    case 'logs':
      return batch.events.length
    case 'metrics':
      return countItems({ ...emptyBatch, metrics: batch.metrics })
    case 'traces':
      return batch.spans.length
  }
}
