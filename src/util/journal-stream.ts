import { fstatSync } from 'node:fs'

type Env = Readonly<Record<string, string | undefined>>

/** syslog(3). */
const priorities = { error: 3, warn: 4, info: 6, debug: 7 } as const

/**
 * Whether `fd` goes to the journal: JOURNAL_STREAM is the device and inode of the socket that systemd has connected (systemd.exec(5)).
 * The variable is inherited by whoever is started with another standard error, so it alone says nothing.
 */
export function isJournalStream(fd: number, env: Env): boolean {
  const { JOURNAL_STREAM: stream } = env
  if (stream === undefined) return false
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true })
    return stream === `${dev}:${ino}`
  } catch {
    return false
  }
}

/** `<3>`, by which journald files a line under its priority (sd-daemon(3)). */
export function priorityMark(level: keyof typeof priorities): string {
  return `<${priorities[level]}>`
}

/** Each line with its mark. */
export function marked(level: keyof typeof priorities, text: string): string {
  return text.replace(/^(?=.)/gm, priorityMark(level))
}
