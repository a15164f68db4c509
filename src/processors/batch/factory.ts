import type { ConfigComplaint, Consumer, ProcessorFactory, Settings } from '../../component/component.js'
import { createBatch } from './batch.js'
import { type Config, schema } from './config.js'

export const factory = {
  type: 'batch',
  kind: 'processor',
  stability: 'beta',
  description: 'Joins small batches into larger ones, by number of items and by time; put it last.',
  configSchema: schema,
  capabilities: [],
  check(config: Config): readonly ConfigComplaint[] {
    const complaints: ConfigComplaint[] = []
    if (config.send_batch_max_size !== 0 && config.send_batch_max_size < config.send_batch_size)
      complaints.push({
        path: ['send_batch_max_size'],
        reason: `must be 0 or at least send_batch_size (${config.send_batch_size})`,
      })
    if (config.max_held_items < config.send_batch_size)
      complaints.push({
        path: ['max_held_items'],
        reason: `must be at least send_batch_size (${config.send_batch_size}): otherwise only the timeout would ever send`,
      })
    return complaints
  },
  create: (settings: Settings, config: Config, next: Consumer) => createBatch(settings, config, next),
} satisfies ProcessorFactory
