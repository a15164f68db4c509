import { execFileSync, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { bootLab, labMissing } from '../agent/lab.mjs'
import { product } from '../lib/product.mjs'

const kLines = 100_000
const kQuickLines = 20_000
const program = '/usr/bin/journalctl'

/** A web server's log, line by line, as a shell writes it. */
const chatter = (lines) =>
  `[Service]\nType=oneshot\nTimeoutStartSec=300\nExecStart=/bin/sh -c 'i=0; while [ $i -lt ${lines} ]; do ` +
  `echo "10.0.0.7 GET /api/v1/items/$i?page=7 200 in 12 ms, 4711 bytes, worker 3"; i=$((i+1)); done'\n`

/** A journal on disk, written by a real journald. */
async function writeJournal(lines) {
  const folder = mkdtempSync(join(tmpdir(), 'unitscope-bench-journal-'))
  const lab = await bootLab()
  try {
    lab.writeUnit('chatter.service', chatter(lines))
    await lab.systemctl('daemon-reload')
    await lab.systemctl('start', 'chatter.service')
    const from = `/proc/${lab.pid1}/root/run/log/journal`
    const count = () =>
      Number(execFileSync('sh', ['-c', `${program} -q -D "$0" -o cat _COMM=sh | wc -l`, from]).toString())
    for (let round = 0; count() < lines && round < 100; round++) await sleep(100)
    cpSync(from, folder, { recursive: true })
  } finally {
    await lab.close()
  }
  return folder
}

/** CPU time of this process and of its children that have ended, seconds. */
function cpuSeconds() {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  const [user, system, childUser, childSystem] = fields.slice(11, 15).map(Number)
  return { own: (user + system) / 100, children: (childUser + childSystem) / 100 }
}

/** Runs journalctl and one way of reading it; both may use as much CPU as they like, and it is their sum that counts. */
async function measured({ folder, lines }, argv, read) {
  const before = cpuSeconds()
  const child = spawn(program, ['-q', `--directory=${folder}`, ...argv], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => child.once('close', resolve))
  const count = await read(child.stdout)
  await ended
  const after = cpuSeconds()
  if (count < lines) throw new Error(`${count} of ${lines} lines`)
  const own = after.own - before.own
  const journalctl = after.children - before.children
  return { perSecond: count / (own + journalctl), own: (own / count) * 1e6, journalctl: (journalctl / count) * 1e6 }
}

async function parsed({ modules: { ExportParser, lineFields } }, output) {
  let count = 0
  const parser = new ExportParser({
    fields: lineFields,
    maxValueBytes: 65_536,
    onEntry: () => void count++,
    onRejected(reason) {
      throw new Error(reason)
    },
  })
  for await (const chunk of output) parser.push(chunk)
  return count
}

/** As `parsed`, and a log record of each. */
async function asRecords({ modules: { ExportParser, lineFields, lineEvent, subjectOf } }, output) {
  let count = 0
  const resource = { key: 'r', attributes: {} }
  const parser = new ExportParser({
    fields: lineFields,
    maxValueBytes: 65_536,
    onEntry(entry) {
      if (lineEvent(entry, subjectOf(entry), resource, [], 1n).body !== '') count++
    },
    onRejected(reason) {
      throw new Error(reason)
    },
  })
  for await (const chunk of output) parser.push(chunk)
  return count
}

async function jsonLines(output) {
  let count = 0
  for await (const line of createInterface({ input: output })) if (JSON.parse(line).MESSAGE !== undefined) count++
  return count
}

/** Counts the entries by the empty lines behind them, and reads nothing else. */
async function discarded(output) {
  let count = 0
  let before = 0
  for await (const chunk of output) {
    if (before === 0x0a && chunk[0] === 0x0a) count++
    for (let at = chunk.indexOf('\n\n'); at >= 0; at = chunk.indexOf('\n\n', at + 2)) count++
    before = chunk.at(-1)
  }
  return count
}

/** @type {import('../lib/case.d.mts').Case<{folder: string, lines: number, modules: object}>} */
export default {
  id: 'journal',
  question: 'How many lines of the journal can be read on one core?',
  notes:
    'A journal that a real journald wrote is read by journalctl into a pipe, and by this process out of it. CPU is that of both; lines per second ' +
    'are per second of it, as on one core. The first way is what the journald receiver does up to the log record; json is what other agents do.',
  unavailable: () => labMissing() ?? (existsSync(program) ? undefined : 'journalctl is not installed'),
  figures: {
    perSecond: { title: 'lines per CPU second', ratio: true },
    own: { title: 'CPU us per line, this process' },
    journalctl: { title: 'CPU us per line, journalctl' },
  },
  async setUp(_, { quick }) {
    const lines = quick ? kQuickLines : kLines
    const modules = {
      ...(await product('lib/journal/export-parser.js')),
      ...(await product('receivers/journald/line-fields.js')),
      ...(await product('receivers/journald/line-event.js')),
    }
    return { folder: await writeJournal(lines), lines, modules }
  },
  async tearDown({ folder }) {
    rmSync(folder, { recursive: true })
  },
  ways: [
    {
      name: 'unitscope, log records',
      run: (context) => measured(context, ['-o', 'export'], (out) => asRecords(context, out)),
    },
    {
      name: 'unitscope, entries',
      run: (context) => measured(context, ['-o', 'export'], (out) => parsed(context, out)),
    },
    {
      name: 'unitscope, entries, --output-fields',
      run: (context) => {
        const argv = ['-o', 'export', `--output-fields=${context.modules.lineFields.join(',')}`]
        return measured(context, argv, (out) => parsed(context, out))
      },
    },
    { name: 'journalctl -o json, JSON.parse', run: (context) => measured(context, ['-o', 'json', '--all'], jsonLines) },
    { name: 'journalctl -o export, not read', run: (context) => measured(context, ['-o', 'export'], discarded) },
  ],
  gates: [
    { figure: 'perSecond', way: 'unitscope, log records', atLeast: 50_000 },
    {
      figure: 'perSecond',
      way: 'unitscope, log records',
      over: 'journalctl -o json, JSON.parse',
      atLeast: 2,
    },
  ],
}
