import type { AttributeValue } from '../../data/attributes.js'
import { type RawEvent, Severity } from '../../data/event.js'
import type { Resource } from '../../data/resource.js'
import { componentAttr, componentEvent } from '../../lib/systemd/names.js'
import { formatDuration } from '../../util/duration.js'
import type { Change, Share } from './error-watch.js'

/** The event that tells of it: whose, how many errors of which sort, and what was lost. */
export function changeEvent(change: Change, windowMs: number, resource: Resource, timeUnixNano: bigint): RawEvent {
  const { kind, totals, errors, lost, degradedMs } = change
  const attributes: Record<string, AttributeValue> = {
    ...totals.attributes,
    [componentAttr.kind]: totals.kind,
    [componentAttr.window]: windowMs / 1000,
    [componentAttr.errors]: errors.count,
    [componentAttr.lost]: lost.count,
  }
  if (errors.mostly !== '') attributes['error.type'] = errors.mostly
  if (lost.mostly !== '') attributes[componentAttr.lostReason] = lost.mostly
  if (kind === 'recovered') attributes[componentAttr.duration] = Math.round(degradedMs / 1000)
  return {
    timeUnixNano,
    observedTimeUnixNano: timeUnixNano,
    name: componentEvent[kind],
    severity: kind === 'degraded' ? (lost.count > 0 ? Severity.error : Severity.warn) : Severity.info,
    body: sentence(change, windowMs),
    attributes,
    resource,
  }
}

function sentence({ kind, totals, errors, lost, degradedMs }: Change, windowMs: number): string {
  const pipeline = totals.attributes['unitscope.pipeline']
  const who = `${totals.kind} ${totals.attributes['unitscope.component']}${pipeline === undefined ? '' : ` (${pipeline})`}`
  if (kind === 'recovered') return `${who} works again, after ${formatDuration(Math.round(degradedMs / 1000) * 1000)}`
  const what = [words(errors, 'error'), words(lost, 'lost item')].filter((part) => part !== '').join(' and ')
  return `${who} had ${what} within ${formatDuration(windowMs)}`
}

function words({ count, mostly }: Share, noun: string): string {
  return count === 0 ? '' : `${count} ${noun}${count === 1 ? '' : 's'} (${mostly})`
}
