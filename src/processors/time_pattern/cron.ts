import type { RawEvent } from '../../data/event.js'
import { attr } from '../../lib/systemd/names.js'

/** Debian's cron, cronie, busybox. */
const identifiers = new Set(['CRON', 'CROND', 'crond', 'cron'])
/** A name, not a script. */
const kMaxCommand = 120

/** `cron: /usr/local/bin/backup` for the line with which cron tells that it starts a command; undefined for every other event. */
export function cronJob({ name, attributes, body }: RawEvent): string | undefined {
  if (name !== '' || !identifiers.has(String(attributes[attr.journalIdentifier]))) return undefined
  const command = /^\([^)]*\) CMD \(\s*(.*?)\s*\)$/s.exec(body)?.[1]
  if (command === undefined || command === '') return undefined
  return `cron: ${command.length > kMaxCommand ? `${command.slice(0, kMaxCommand - 1)}…` : command}`
}
