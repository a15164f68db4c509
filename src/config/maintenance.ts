import type { MaintenanceWindow } from '../component/component.js'
import { parseWallTime, type WallTime } from '../util/wall-time.js'
import { named, told } from './describe.js'
import type { Problems } from './problems.js'
import { type Entry, locate } from './tree.js'

/** What systemd's names of units end in (systemd.unit(5)). */
const suffixed = /\.(?:service|socket|target|device|mount|automount|swap|timer|path|slice|scope)$/

/** Complains of windows whose two times do not fit each other, and warns of units that there cannot be: a schema says neither. */
export function checkMaintenance(windows: readonly MaintenanceWindow[], service: Entry, problems: Problems): void {
  for (const [index, window] of windows.entries()) {
    const complain = (key: keyof MaintenanceWindow, reason: string): void => {
      const path = ['maintenance', index, key]
      problems.add('CFG_VALUE', locate(service, path).position, ['service', ...path], reason)
    }
    for (const [at, name] of window.units.entries()) {
      if (/[*?]/.test(name) || suffixed.test(name)) continue
      const path = ['maintenance', index, 'units', at]
      const { node, position } = locate(service, path)
      const text = told(node)
      const meant = text === undefined ? '' : `; did you mean "${text}.service"?`
      const reason = `${named(node)} can only be a container: names of units end in their type${meant}`
      problems.warn('CFG_UNIT_NAME', position, ['service', ...path], reason)
    }
    // Of format `wall_time`.
    const from = parseWallTime(window.from) as WallTime
    const to = parseWallTime(window.to) as WallTime
    if ((from.dayMs === undefined) !== (to.dayMs === undefined))
      complain('to', 'must be a time alone, or one of a date, just as `from` is')
    else if (from.dayMs === undefined || to.dayMs === undefined) continue
    else if (window.days.length > 0) complain('days', 'is for windows of each week; `from` names a date')
    else if (to.dayMs + to.minute * 60_000 <= from.dayMs + from.minute * 60_000) complain('to', 'must be after `from`')
  }
}
