// A bus that says what is wrong in every way there is, against the built addon under Node. Each connection is judged: the reason
// of its end, its counters and its records must be those that a parser without a socket gives for the same bytes.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { underAsan } from './asan.mjs'
import { Growth } from './growth.mjs'
import { connectionOf, createScripts, kHangUp, loadSeeds } from './hostile-script.mjs'
import { report, Tally } from './hostile-tally.mjs'

export const about = 'a million malformed messages of a hostile bus: no crash, no leak, every one accounted for'
export const usage = `  --messages N   refuse at least this many (1000000)
  --seed N       of the scripts (1)
  --asan         with an addon built under AddressSanitizer and UBSan, and their runtime loaded into Node
  --addon DIR    a package root whose build/Release has the addon (the project's own)`

const kLanes = 8
const kSamples = 40
const kFilter = { include: [], exclude: ['b.service'], unitTypes: [] }
const kReader = {
  filter: kFilter,
  ringRecords: 1000,
  overflow: 'drop_oldest',
  maxBatchSize: 1000,
  batchTimeoutMs: 0,
  backpressurePercent: 80,
  matchRules: [],
  captureBytes: 0,
}
/** A valid signal, UnitNew of marker.service: what comes out of it shows that a stream still lives. */
const kMarker = Buffer.from(
  '6c0401011b000000070000007000000001016f00190000002f6f72672f667265656465736b746f702f73797374656d643100000000000000' +
    '02017300200000006f72672e667265656465736b746f702e73797374656d64312e4d616e6167657200000000000000000301730007000000' +
    '556e69744e6577000801670002736f000e0000006d61726b65722e736572766963650000020000002f6100',
  'hex',
)

const kindAndUnit = (record) => `${record.kind} ${record.unit ?? ''}`

/** What must come of a script: told by the parser that reads recordings, which has no socket and gets each part whole. */
function expectationOf(native, parts) {
  const parser = native.createSignalParser({ filter: kFilter })
  const records = parts.flatMap((bytes) => parser.feed(bytes, 1n, 1n))
  const end = records.find(({ kind }) => kind === 'disconnected')?.reason
  const { messages, rejected, matched, filtered } = parser.stats()
  parser.close()
  return {
    end,
    told: records.filter(({ kind }) => kind !== 'disconnected').map(kindAndUnit),
    counters: { messages, rejected, matched, filtered },
  }
}

/** Streams of which each costs itself alone: behind them a valid message is still understood. */
function harmlessOf(native, streams) {
  return streams.filter(({ bytes }) => {
    const { end, told } = expectationOf(native, [bytes, kMarker])
    return end === undefined && told.at(-1) === 'unit_new marker.service'
  })
}

/** One connection, from its start to the end of its reader. */
async function connect(native, peer, lane, connection, script, tally) {
  const expected = script.answer === undefined ? expectationOf(native, script.parts) : undefined
  const told = []
  const reader = await new Promise((resolve) => {
    const made = native.createSignalReader({ ...kReader, address: `unix:path=${peer.folder}/${lane}` }, (records) => {
      for (const record of records) {
        told.push(record)
        if (record.kind === 'connected') peer.say(expected?.end === undefined ? kHangUp + lane : lane)
        if (record.kind === 'disconnected') resolve(made)
      }
    })
    made.start()
  })
  await reader.close()
  const end = told.at(-1).reason
  if (expected === undefined) tally.handshake(connection, end)
  else tally.judge(connection, expected, told.slice(1, -1).map(kindAndUnit), end, reader.stats())
}

async function startPeer(seed, harmless) {
  const folder = mkdtempSync(join(tmpdir(), 'hostile-'))
  const program = fileURLToPath(new URL('hostile-peer.mjs', import.meta.url))
  // Not under ASan when this process is: the peer is none of what is tested.
  const env = { ...process.env, LD_PRELOAD: '' }
  const child = spawn(
    process.execPath,
    [program, folder, `${kLanes}`, `${seed}`, ...harmless.map(({ name }) => name)],
    {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  await once(child.stdout, 'data')
  return {
    folder,
    say: (byte) => child.stdin.write(Buffer.of(byte)),
    async stop() {
      child.stdin.end()
      if (child.exitCode === null) await once(child, 'exit')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function open(addon) {
  const { loadNative } = await import(new URL('../../build/js/binding/native.js', import.meta.url).href)
  const loaded = loadNative(addon)
  if (loaded.unavailable !== undefined) throw new TypeError(loaded.unavailable)
  return loaded.native
}

function optionsOf(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      messages: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: '1' },
      asan: { type: 'boolean', default: false },
      addon: { type: 'string' },
    },
  })
  const messages = Number(values.messages)
  if (!Number.isInteger(messages) || messages < 1000)
    throw new RangeError('--messages must be a whole number from 1000')
  return { ...values, messages, seed: Number(values.seed) }
}

export async function soak(argv) {
  const { messages, seed, addon, asan } = optionsOf(argv)
  if (asan) return underAsan('hostile', ['--messages', `${messages}`, '--seed', `${seed}`])
  const native = await open(addon)
  const seeds = loadSeeds()
  const harmless = harmlessOf(native, seeds.streams)
  const script = createScripts(seeds, harmless, seed)
  const peer = await startPeer(seed, harmless)
  const tally = new Tally()
  const growth = new Growth()
  const began = performance.now()
  const next = new Array(kLanes).fill(0)
  try {
    for (let part = 1; part <= kSamples; part++) {
      // All lanes come to rest before a sample, so that it holds nothing of a connection.
      const run = async (lane) => {
        while (tally.refused < (messages * part) / kSamples) {
          const connection = connectionOf(lane, next[lane]++)
          await connect(native, peer, lane, connection, script(connection), tally)
        }
      }
      await Promise.all(next.map((_, lane) => run(lane)))
      await growth.sample(tally.connections)
    }
  } finally {
    await peer.stop()
  }
  return report(tally, growth, seed, (performance.now() - began) / 1000)
}
