import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { describeLab } from '../lab/describe-lab.js'
import { waitFor, withLab } from '../lab/lab.js'
import { freePort } from '../support/free-port.js'
import { scrape, withAgent } from './agent.js'

const kUnits = 50
/** One collection of each receiver. */
const kIdleMs = 10_000
/** The aim is 20 MB; on a busy machine garbage lies a little longer. */
const kBaseBytes = 22e6
const kBytesPerUnit = 10e3
const kClockTicksPerSecond = 100 // sysconf(_SC_CLK_TCK) on every Linux architecture
const mebibyte = 2 ** 20

interface Cost {
  readonly cpuSeconds: number
  readonly rssBytes: number
  readonly anonymousBytes: number
}

/** proc_pid_stat(5): fields 14 and 15 are utime and stime; the command name may hold blanks, so count from its end. */
function costOf(pid: number): Cost {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const bytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / kClockTicksPerSecond,
    rssBytes: bytes('VmRSS'),
    anonymousBytes: bytes('RssAnon'),
  }
}

describeLab(`an idle agent on ${kUnits} units`, () => {
  it('costs less than 1 % of a core, 22 MB of its own and 10 KB per unit, and 80 MB with the pages of Node it shares', () =>
    withLab(async (lab) => {
      const units = Array.from({ length: kUnits }, (_, n) => `quiet${n}.service`)
      for (const unit of units) lab.writeUnit(unit, '[Service]\nExecStart=/bin/sleep infinity\n')
      await lab.daemonReload()
      await lab.systemctl('start', ...units)
      const port = await freePort()
      const config = {
        receivers: {
          systemd: { address: lab.busAddress },
          cgroup: { root: lab.cgroupRoot, collection_interval: '10s' },
          self_telemetry: { collection_interval: '10s' },
        },
        processors: { memory_limiter: { limit: '200MiB' }, batch: {} },
        exporters: { prometheus: { endpoint: `127.0.0.1:${port}` } },
        service: {
          pipelines: {
            main: {
              receivers: ['systemd', 'cgroup', 'self_telemetry'],
              processors: ['memory_limiter', 'batch'],
              exporters: ['prometheus'],
            },
          },
        },
      }
      await withAgent(
        () => config,
        async (agent) => {
          await waitFor('all units at the endpoint', async () => {
            // States come from the bus, which is read last; cgroups are there at once.
            const states = (await scrape(port)).split('\n').filter((line) => line.startsWith('systemd_unit_state{'))
            return units.every((unit) => states.some((line) => line.includes(`"${unit}"`)))
          })
          // Warm: the code that runs once per interval has run, and the compiler is done with it.
          await new Promise((resolve) => setTimeout(resolve, 12_000))
          const before = costOf(agent.pid)
          await new Promise((resolve) => setTimeout(resolve, kIdleMs))
          const after = costOf(agent.pid)

          const cpuPercent = ((after.cpuSeconds - before.cpuSeconds) / (kIdleMs / 1000)) * 100
          const page = await scrape(port)
          const native = [...page.matchAll(/^unitscope_receiver_\w*native_bytes\S* (\S+)/gm)].map((match) =>
            Number(match[1]),
          )
          const nativeBytes = native.reduce((sum, bytes) => sum + bytes, 0)
          console.log(
            `idle on ${kUnits} units: ${cpuPercent.toFixed(2)} % of a core, RSS ${(after.rssBytes / mebibyte).toFixed(1)} MiB, ` +
              `RssAnon ${(after.anonymousBytes / mebibyte).toFixed(1)} MiB, addon ${(nativeBytes / mebibyte).toFixed(2)} MiB`,
          )
          expect(cpuPercent).toBeLessThan(1)
          expect(after.rssBytes).toBeLessThan(80e6)
          expect(after.anonymousBytes).toBeLessThan(kBaseBytes + kUnits * kBytesPerUnit)
          expect(native.length).toBeGreaterThan(0)
          expect(nativeBytes).toBeGreaterThan(0)
          expect(nativeBytes).toBeLessThan(20e6)
          expect(await agent.stop()).toMatchObject({ code: 0 })
        },
      )
    }))
})
