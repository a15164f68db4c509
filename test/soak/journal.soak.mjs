// The journal through a whole agent: a service writes as fast as it is let, journald rotates (and, if asked, vacuums) each second,
// the agent may be killed now and then; in the end its lines are compared with what `journalctl -o json` says.
import { execFile } from 'node:child_process'
import { createReadStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs, promisify } from 'node:util'
import { startAgent } from '../../bench/agent/agent.mjs'
import { bootLab } from '../../bench/agent/lab.mjs'

export const about =
  '100,000 lines while the journal is rotated each second: the same lines, in order, none lost, none twice'
export const usage = `  --lines N   lines in all (100000)
  --burst N   lines between two pauses of 50 ms (200): 4000 a second at most
  --kills N   times the agent is killed with SIGKILL meanwhile (0); lines of the second before may then come twice`

const kUnit = 'chatter.service'
const kLimitMs = 600_000

const chatter = (lines, burst) =>
  '[Service]\nType=oneshot\nTimeoutStartSec=infinity\nExecStart=/bin/sh -c ' +
  `'i=0; while [ $i -lt ${lines} ]; do echo "line $i"; i=$((i+1)); if [ $((i %% ${burst})) = 0 ]; then sleep 0.05; fi; done'\n`

export async function soak(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      lines: { type: 'string', default: '100000' },
      burst: { type: 'string', default: '200' },
      kills: { type: 'string', default: '0' },
    },
  })
  const [lines, burst, kills] = ['lines', 'burst', 'kills'].map((key) => Number(values[key]))
  if (![lines, burst, kills].every(Number.isSafeInteger) || lines < 1 || burst < 1)
    throw new RangeError('these are no numbers')
  const folder = mkdtempSync(join(tmpdir(), 'unitscope-soak-journal-'))
  const out = join(folder, 'out.jsonl')
  const lab = await bootLab()
  const journal = `/proc/${lab.pid1}/root/run/log/journal`
  const config = {
    receivers: { journald: { directory: journal, units: [kUnit], start_at: 'beginning' } },
    exporters: { file: { path: out, max_size: '4GiB' } },
    service: {
      state_directory: join(folder, 'state'),
      pipelines: { logs: { receivers: ['journald'], exporters: ['file'] } },
    },
  }
  let agent = startAgent(config)
  let isOver = false
  try {
    await agent.logged(/"message":"running"/)
    lab.writeUnit(kUnit, chatter(lines, burst))
    await lab.systemctl('daemon-reload')
    await lab.systemctl('start', '--no-block', kUnit)
    const rotating = rotateEachSecond(lab, () => isOver)
    const began = performance.now()
    let killed = 0
    const deadline = began + kLimitMs
    // What PID 1 says of the end may stand before the service's last lines: journald reads them from different sockets.
    const ends = new Set([`line ${lines - 1}`, `Finished ${kUnit}.`])
    const isWhole = (had) =>
      had.length >= lines && had.slice(-lines).filter(({ message }) => ends.has(message)).length === 2
    for (let had = []; !isWhole(had); had = await told(out)) {
      if (performance.now() > deadline) throw new RangeError(`after ${kLimitMs / 1000} s ${had.length} lines have come`)
      if (had.length > (lines / (kills + 1)) * (killed + 1) && killed < kills) {
        killed++
        await agent.close()
        agent = startAgent(config)
      }
      await sleep(500)
    }
    isOver = true
    const rotations = await rotating
    const seconds = (performance.now() - began) / 1000
    const said = await told(out)
    return verdict({ expected: await truth(journal), said, killed, rotations, seconds })
  } finally {
    isOver = true
    await agent.close()
    await lab.close()
    rmSync(folder, { recursive: true })
  }
}

function verdict({ expected, said, killed, rotations, seconds }) {
  const key = ({ usec, message }) => `${usec} ${message}`
  const seen = new Set()
  const once = said.filter((line) => {
    const isNew = !seen.has(key(line))
    seen.add(key(line))
    return isNew
  })
  const lost = expected.filter((line) => !seen.has(key(line))).length
  const twice = said.length - once.length
  const inOrder = once.length === expected.length && once.every((line, at) => key(line) === key(expected[at]))
  console.log(
    `${expected.length} lines in the journal, ${said.length} told: ${lost} lost, ${twice} twice, ${inOrder ? 'in order' : 'NOT IN ORDER'}; ` +
      `${rotations} rotations, ${killed} kills, ${seconds.toFixed(0)} s`,
  )
  return lost === 0 && inOrder && (twice === 0 || killed > 0) && rotations > 0
}

async function rotateEachSecond(lab, isOver) {
  let count = 0
  while (!isOver()) {
    await lab.exec('journalctl', '--rotate')
    count++
    await sleep(1000)
  }
  return count
}

/** The lines in the agent's file; one that is not whole yet is left out. */
async function told(out) {
  const lines = []
  try {
    for await (const line of createInterface({ input: createReadStream(out) })) {
      if (!line.endsWith('}')) continue
      for (const { scopeLogs } of JSON.parse(line).resourceLogs)
        for (const { logRecords } of scopeLogs)
          for (const { body, timeUnixNano } of logRecords)
            lines.push({ message: body.stringValue, usec: timeUnixNano.slice(0, -3) })
    }
  } catch (error) {
    if (error.code !== 'ENOENT' && !(error instanceof SyntaxError)) throw error
  }
  return lines
}

async function truth(journal) {
  const argv = ['-q', `--directory=${journal}`, '-o', 'json', '--all', `--unit=${kUnit}`]
  const { stdout } = await promisify(execFile)('journalctl', argv, { maxBuffer: 2 ** 30 })
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
    .map(({ MESSAGE, __REALTIME_TIMESTAMP }) => ({ message: MESSAGE, usec: __REALTIME_TIMESTAMP }))
}
