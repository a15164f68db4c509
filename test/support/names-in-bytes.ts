import { homedir, hostname, userInfo } from 'node:os'
import { expect } from 'vitest'
import { packageRoot } from '../lab/lab.js'

/** Fails when the bytes name this machine, its user, or a folder of it. */
export function expectNoNames(bytes: Buffer): void {
  // As words: a host called `vm` is in many a longer one. `root` is in every systemd's own unit names.
  const names = [hostname(), userInfo().username].filter((name) => name !== 'root' && name !== 'localhost')
  const text = bytes.toString('latin1')
  for (const name of names) expect(text).not.toMatch(new RegExp(`(?<![a-z0-9])${escaped(name)}(?![a-z0-9])`, 'i'))
  for (const folder of [packageRoot, homedir(), '/home', '/root', '/tmp']) {
    // As a path, as a mount unit (`work-main.mount`), and as an object path (`work_2dmain`).
    const unit = folder.slice(1).replaceAll('/', '-')
    expect(text.includes(`${folder}/`), folder).toBe(false)
    for (const form of [`${unit}.mount`, `${unit.replaceAll('-', '_2d')}_2emount`]) {
      expect(text.includes(form), form).toBe(false)
    }
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
