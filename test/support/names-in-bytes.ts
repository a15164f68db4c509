import { homedir, hostname, userInfo } from 'node:os'
import { expect } from 'vitest'
import { packageRoot } from '../lab/lab.js'

/** Random bytes (IDs, times) hold any short word by chance; eight letters in a row are text. */
const text8 = /[\x20-\x7e]{8,}/g

/** Fails when the bytes, text and D-Bus messages, name this machine, its user, or a folder of it. */
export function expectNoNames(bytes: Buffer): void {
  const all = bytes.toString('latin1')
  const text = all.match(text8)?.join('\n') ?? ''
  // `root` is in systemd's own unit names.
  for (const name of [hostname(), userInfo().username].filter((one) => one !== 'root' && one !== 'localhost')) {
    // As words: a host called `vm` is in many a longer one.
    expect(text).not.toMatch(new RegExp(`(?<![a-z0-9])${escaped(name)}(?![a-z0-9])`, 'i'))
    expect(bytes.includes(dbusString(name)), `${name} as a D-Bus string`).toBe(false)
  }
  for (const folder of [packageRoot, homedir(), '/home', '/root', '/tmp']) {
    // As a path, as a mount unit (`work-main.mount`), and as an object path (`work_2dmain`).
    const unit = folder.slice(1).replaceAll('/', '-')
    expect(all.includes(`${folder}/`), folder).toBe(false)
    for (const form of [`${unit}.mount`, `${unit.replaceAll('-', '_2d')}_2emount`]) {
      expect(all.includes(form), form).toBe(false)
    }
  }
}

function dbusString(text: string): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(Buffer.byteLength(text))
  return Buffer.concat([length, Buffer.from(`${text}\0`)])
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
