import type { ConfigComplaint, Consumer, ReceiverFactory, Settings } from '../../component/component.js'
import { findJournalctl } from '../../lib/journal/journalctl.js'
import { compilePattern } from '../../lib/matching/pattern.js'
import { type Config, schema } from './config.js'
import { createJournaldReceiver, kNoJournalctl } from './journald-receiver.js'
import { missingJournal } from './missing-journal.js'

export const factory = {
  type: 'journald',
  kind: 'receiver',
  stability: 'beta',
  description: 'Log lines of units from the journal, each with the trace ID of the run that wrote it.',
  configSchema: schema,
  signals: ['logs'],
  capabilities: ['process', 'system_wide', 'realtime'],
  limited: () => missingJournal(),
  unavailable: () => (findJournalctl() === undefined ? kNoJournalctl : undefined),
  check(config: Config): readonly ConfigComplaint[] {
    const complaints: ConfigComplaint[] = []
    for (const key of ['units', 'exclude_units'] as const) {
      for (const [index, pattern] of config[key].entries()) {
        const compiled = compilePattern(pattern)
        if (typeof compiled !== 'function') complaints.push({ path: [key, index], reason: compiled.reason })
      }
    }
    const places = (['directory', 'root', 'namespace'] as const).filter((key) => config[key] !== undefined)
    for (const key of places.slice(1)) {
      complaints.push({ path: [key], reason: `not together with ${places[0]}: each says which journal to read` })
    }
    const size = config.max_message_size
    if (size < 1024 || size > 1024 * 1024)
      complaints.push({ path: ['max_message_size'], reason: 'must be from 1KiB to 1MiB' })
    return complaints
  },
  create: (settings: Settings, config: Config, next: Consumer) => createJournaldReceiver(settings, config, next),
} satisfies ReceiverFactory
