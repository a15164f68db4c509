// Sends spans that say who they are (span-marks.mjs) at a rate, in requests of 512, from a process of its own; behind, it catches up.
// Asked `{address, perSecond, ms}` it says how many were answered OK, and how long that took.
import { setTimeout as sleep } from 'node:timers/promises'
import { mark } from './span-marks.mjs'
import { kSpans, OtlpLoad } from './span-requests.mjs'
import { walkSpans } from './span-walk.mjs'

const kSenders = 8
const kPauseMs = 5

async function run({ address, perSecond, ms }) {
  const load = await OtlpLoad.open(address)
  const start = performance.now()
  const due = () => (Math.min(performance.now() - start, ms) / 1000) * perSecond
  let issued = 0
  const sender = async () => {
    while (issued < (ms / 1000) * perSecond) {
      if (issued + kSpans > due() && performance.now() - start < ms) {
        await sleep(kPauseMs)
        continue
      }
      const request = Buffer.from(load.requests[(issued / kSpans) % load.requests.length])
      walkSpans(request, 0, (from, to) => mark(request, from, to, issued++))
      await load.deliver(request)
    }
  }
  try {
    await Promise.all(Array.from({ length: kSenders }, sender))
    return { acknowledged: issued, ms: performance.now() - start }
  } finally {
    load.close()
  }
}

process.on('message', (wanted) =>
  run(wanted).then(process.send.bind(process), (error) => process.send(`failed: ${error.message}`)),
)
process.on('disconnect', () => process.exit())
