import type { ConfigComplaint, Consumer, ProcessorFactory, Settings } from '../../component/component.js'
import { checkRules } from '../../lib/matching/record-rule.js'
import { type Config, schema } from './config.js'
import { createFilter } from './filter.js'

export const factory = {
  type: 'filter',
  kind: 'processor',
  stability: 'beta',
  description: 'Drops events, metric points and spans that rules do not let pass.',
  configSchema: schema,
  capabilities: [],
  check(config: Config): readonly ConfigComplaint[] {
    return (['include', 'exclude'] as const).flatMap((list) =>
      checkRules(config[list]).map(({ path, reason }) => ({ path: [list, ...path], reason })),
    )
  },
  create: (settings: Settings, config: Config, next: Consumer) => createFilter(settings, config, next),
} satisfies ProcessorFactory
