import type { ConfigComplaint } from '../../component/component.js'
import { compilePattern } from '../../lib/matching/pattern.js'
import { checkRules } from '../../lib/matching/record-rule.js'
import type { ActionConfig, Config } from './config.js'

/** Which keys each action takes beside `action`, `key` and `on`. */
const takes: Readonly<Record<ActionConfig['action'], readonly string[]>> = {
  insert: ['value', 'from'],
  update: ['value', 'from'],
  upsert: ['value', 'from'],
  rename: ['to'],
  delete: [],
  hash: ['salt'],
}

export function checkConfig(config: Config): readonly ConfigComplaint[] {
  return [
    ...checkRules(config.include).map(({ path, reason }) => ({ path: ['include', ...path], reason })),
    ...config.actions.flatMap((action, index) =>
      checkAction(action).map(({ path, reason }) => ({ path: ['actions', index, ...path], reason })),
    ),
  ]
}

function checkAction(action: ActionConfig): readonly ConfigComplaint[] {
  const complaints: ConfigComplaint[] = []
  const complain = (path: ConfigComplaint['path'], reason: string): void => void complaints.push({ path, reason })
  for (const key of ['value', 'from', 'to', 'salt'] as const)
    if (action[key] !== undefined && !takes[action.action].includes(key))
      complain([key], `means nothing to the action ${action.action}`)
  for (const key of ['key', 'to'] as const)
    if (action[key] === '__proto__') complain([key], 'is not a name an attribute can have')
  switch (action.action) {
    case 'insert':
    case 'update':
    case 'upsert':
      if ((action.value === undefined) === (action.from === undefined))
        complain([], `${action.action} needs one of value and from`)
      break
    case 'rename':
      if (action.to === undefined) complain([], 'rename needs the new name in to')
      break
    case 'delete':
    case 'hash': {
      const pattern = compilePattern(action.key)
      if (typeof pattern !== 'function') complain(['key'], pattern.reason)
    }
  }
  return complaints
}
