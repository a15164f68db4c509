import { readdirSync, readFileSync } from 'node:fs'

// What a test needs is seen in its text, so vitest.config.ts has no list that somebody must keep.

/**
 * What a process has but once: Vitest's clock and mocks, its user, folder, mask, environment, signals, memory and limits, what it
 * has open, and threads that may take it with them. A test that touches any of it would disturb others, or be disturbed by them.
 */
const once = [
  /\bvi\.(?!fn\b|waitFor\b)/,
  /\bprocess\.(?:chdir|umask|set\w+|on|once|exit|kill|memoryUsage|resourceUsage|cpuUsage)(?:\?\.)?\(/,
  /\bprocess\.env\[[^\]]+\] = /,
  /\bdelete process\./,
  /\bglobalThis\b|\bgc\(|\bprlimit\b|\/proc\/self\/(?!mountinfo|cgroup)/,
  /'node:(?:worker_threads|v8|vm|inspector|diagnostics_channel)'/,
]

export const needsOwnProcess = (text: string): boolean => once.some((pattern) => pattern.test(text))

/** Boots one; what only waits, or runs a program, by the lab's helpers does not. */
export const needsLab = (text: string): boolean => /\b(?:describe|boot|with)Lab\b/.test(text)

/**
 * Files below a folder by what stands in them, as paths from the root, in order.
 *
 * @param root - ends with a slash
 * @param wanted - which files to look at, by their paths
 */
export function filesThat(
  needs: (text: string) => boolean,
  root: URL,
  folder: string,
  wanted: (path: string) => boolean,
): readonly string[] {
  return readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name}`)
    .filter((path) => wanted(path) && needs(readFileSync(new URL(path, root), 'utf8')))
    .sort()
}
