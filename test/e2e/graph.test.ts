import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab, waitFor } from '../lab/lab.js'
import { agentMain } from './agent.js'

// The program itself, asking a real systemd. UPDATE_GOLDEN=1 writes the pictures anew; look at them.

const update = process.env['UPDATE_GOLDEN'] === '1'

async function graph(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [agentMain, 'graph', ...args])
    return { code: 0, out: stdout, err: stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, out: stdout, err: stderr }
  }
}

/** Without what systemd adds by itself: the pictures are of this shop alone. */
const bare = '[Unit]\nDefaultDependencies=no\n'
const sleeper = '[Service]\nExecStart=/bin/sleep infinity\n'
const shop: Readonly<Record<string, string>> = {
  'db.service': `${bare}OnFailure=alarm@%n.service\n[Service]\nExecStart=/bin/sh -c 'sleep 0.2; exit 3'\n`,
  'alarm@.service': `${bare}[Service]\nType=oneshot\nExecStart=/bin/true\n`,
  'shop.target': `${bare}Requires=db.service\nAfter=db.service\nWants=mail.service\n`,
  'web.service': `${bare}Requires=shop.target\nAfter=shop.target\nBindsTo=disk-a\\x2db.service\n${sleeper}`,
  'disk-a\\x2db.service': `${bare}${sleeper}`,
  'cdn.service': `${bare}BindsTo=web.service\nPartOf=shop.target\n${sleeper}`,
  'idle.service': `${bare}Wants=idle-too.service db.service\n${sleeper}`,
  'idle-too.service': `${bare}${sleeper}`,
  'report.timer': `${bare}[Timer]\nOnActiveSec=1h\n`,
  'report.service': `${bare}Wants=db.service absent.service\n[Service]\nType=oneshot\nExecStart=/bin/true\n`,
}

describeLab('unitscope graph', () => {
  let lab: Lab

  beforeAll(async () => {
    lab = await bootLab()
    for (const [name, text] of Object.entries(shop)) lab.writeUnit(name, text)
    await lab.daemonReload()
    await lab.systemctl('start', 'dbus.service', 'report.timer')
    await lab.systemctl('start', 'cdn.service')
    await waitFor('the failure', async () => (await lab.show('db.service', 'ActiveState'))['ActiveState'] === 'failed')
  })
  afterAll(() => lab?.close())

  const ask = (...args: readonly string[]) => graph('--address', lab.busAddress, ...args)

  it.each([
    ['web.txt', ['web']],
    ['web-both.txt', ['web.service', '--direction', 'both', '--depth', '2', '--kinds', 'all']],
    ['db-reverse.txt', ['db', '--reverse']],
    ['web.dot', ['web', '--direction', 'both', '--format', 'dot']],
    ['web.mmd', ['web', '--direction', 'both', '--format', 'mermaid']],
    ['web.json', ['web', '--format', 'json', '--kinds', 'Requires,BindsTo']],
    ['report.txt', ['report', '--depth', '1']],
  ])('%s', async (name, args) => {
    const { code, out, err } = await ask(...args)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const file = new URL(`../golden/graph/${name}`, import.meta.url)
    if (update) writeFileSync(file, out)
    else expect(out).toBe(readFileSync(file, 'utf8'))
    if (name.endsWith('.dot')) checkDot(out)
  })

  it('the whole graph holds every loaded unit, and loads none', async () => {
    const list = async (): Promise<string[]> =>
      (await lab.systemctl('list-units', '--all', '--plain', '--no-legend', '--full'))
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .flatMap(([name = '', loaded]) => (loaded === 'loaded' ? [name] : []))
    const before = await list()
    const { out, code } = await ask('--format', 'json')
    expect(code).toBe(0)
    const { units, edges } = JSON.parse(out) as { units: { name: string; load_state: string }[]; edges: unknown[] }
    const named = new Set(units.map((unit) => unit.name))
    expect(before.filter((unit) => !named.has(unit))).toEqual([])
    expect(edges.length).toBeGreaterThan(50)
    expect(await list()).toEqual(before)
    checkDot((await ask('--format', 'dot', '--kinds', 'all')).out)
    const text = (await ask()).out
    expect(text).toContain('db.service  failed\n')
  })

  it('a unit that is down and that nothing needs is shown, though it is not loaded', async () => {
    expect(await ask('idle', '--depth', '1', '--kinds', 'Wants')).toEqual({
      code: 0,
      out: 'idle.service  inactive/dead\n├─ db.service  Wants  failed\n└─ idle-too.service  Wants  inactive/dead\n',
      err: '',
    })
    expect((await ask('alarm@')).err).toContain('systemd has no unit "alarm@.service"')
  })

  it('a unit that does not exist is no unit, and a near one is named', async () => {
    expect(await ask('wbe')).toEqual({
      code: 1,
      out: '',
      err: 'unitscope: systemd has no unit "wbe.service": did you mean "web.service"?\n',
    })
    expect((await ask('absent')).err).toContain('systemd has no unit "absent.service"; `systemctl')
  })
})

describe('unitscope graph without a bus', () => {
  it('says where it looked, and what to do', async () => {
    const { code, err } = await graph('--address', 'unix:path=/nonexistent/bus')
    expect(code).toBe(1)
    expect(err).toMatch(/^unitscope: cannot ask systemd at unix:path=\/nonexistent\/bus: .+\n.*--address.*\n$/)
  })
})

/** Every line is one that Graphviz knows: its grammar, as far as it is used. */
function checkDot(text: string): void {
  const quoted = String.raw`"(?:[^"\\]|\\.)*"`
  const attributes = String.raw`\[[a-z]+=(?:${quoted}|[a-z0-9]+)(?:, [a-z]+=(?:${quoted}|[a-z0-9]+))*\]`
  const lines = text.split('\n')
  expect([lines[0], lines.at(-2), lines.at(-1)]).toEqual(['digraph units {', '}', ''])
  const statement = new RegExp(
    `^  (?:rankdir=LR|(?:node|edge) ${attributes}|${quoted} ${attributes}|${quoted} -> ${quoted} ${attributes})$`,
  )
  for (const line of lines.slice(1, -2)) expect(line).toMatch(statement)
}
