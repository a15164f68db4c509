import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { describeLab } from './describe-lab.js'
import { bootLab, run, waitFor, withLab } from './lab.js'

const labScript = fileURLToPath(new URL('lab.sh', import.meta.url))

describeLab('the namespace lab', () => {
  it('boots a systemd of its own', () =>
    withLab(async (lab) => {
      expect((await lab.systemctl('is-system-running')).trim()).toBe('running')
      lab.writeUnit('hello.service', '[Service]\nType=oneshot\nExecStart=/bin/echo hello from the lab\n')
      await lab.daemonReload()
      await lab.systemctl('start', 'hello.service')
      const entries = await lab.journal('--unit=hello.service', '_TRANSPORT=stdout')
      expect(entries.map((entry) => entry['MESSAGE'])).toEqual(['hello from the lab'])
      expect(await lab.show('hello.service', 'Result', 'ActiveState')).toEqual({
        Result: 'success',
        ActiveState: 'inactive',
      })
    }))

  it('leaves nothing behind, also when the test throws', async () => {
    let group = ''
    let pid1 = 0
    const failing = withLab(async (lab) => {
      group = lab.cgroupRoot
      pid1 = lab.pid1
      lab.writeUnit('stubborn.service', `[Service]\nExecStart=/bin/sh -c 'trap "" TERM; while :; do sleep 1; done'\n`)
      await lab.daemonReload()
      await lab.systemctl('start', 'stubborn.service')
      expect(existsSync(`${group}/system.slice/stubborn.service`)).toBe(true)
      throw new Error('the test failed')
    })
    await expect(failing).rejects.toThrow('the test failed')
    expect(existsSync(group)).toBe(false)
    await waitFor('the kernel to have taken its namespaces apart', () => !existsSync(`/proc/${pid1}`))
    expect(readdirSync('/run/unitscope-lab').filter((name) => name.startsWith(`${process.pid}-`))).toEqual([])
  })

  it('cannot change the clock, the kernel log or the sysctls of the machine', () =>
    withLab(async (lab) => {
      const status = (await lab.exec(['cat', '/proc/self/status'])).stdout
      const bounding = BigInt(`0x${/^CapBnd:\s*(\w+)/m.exec(status)?.[1]}`)
      const [timeBit, wakeAlarmBit, syslogBit] = [25n, 35n, 34n] // capabilities(7), linux/capability.h
      for (const bit of [timeBit, wakeAlarmBit, syslogBit]) expect((bounding >> bit) & 1n).toBe(0n)
      const writable = await lab.exec(['test', '-w', '/proc/sys/vm/swappiness'], { allowFailure: true })
      expect(writable.code).toBe(1)
      lab.writeFile('/tmp/inside', 'x')
      expect(existsSync('/tmp/inside')).toBe(false)
    }))

  for (const bus of ['daemon', 'broker'] as const) {
    it(`brings back the bus (${bus}) after it was killed, and can do without`, () =>
      withLab(
        async (lab) => {
          const before = await lab.show('dbus.service', 'MainPID')
          await lab.killBus()
          await waitFor('the bus to answer again', async () => {
            const answer = await lab.exec(['busctl', 'status', 'org.freedesktop.systemd1'], { allowFailure: true })
            return answer.code === 0
          })
          expect((await lab.show('dbus.service', 'MainPID'))['MainPID']).not.toBe(before['MainPID'])
          const server = bus === 'daemon' ? 'dbus-daemon' : 'dbus-broker-launch'
          const { MainPID: pid } = await lab.show('dbus.service', 'MainPID')
          expect((await lab.exec(['cat', `/proc/${pid}/cmdline`])).stdout).toContain(server)

          await lab.stopBus()
          expect(existsSync(lab.busAddress.slice('unix:path='.length))).toBe(false)
          await lab.startBus()
          expect(existsSync(lab.busAddress.slice('unix:path='.length))).toBe(true)
        },
        { bus },
      ))
  }

  it('ends with the process that asked for it, however that dies', async () => {
    const name = `${process.pid}-orphan`
    const holder = spawn(
      process.execPath,
      [
        '-e',
        `const { spawn } = require('node:child_process')
         spawn(process.argv[1], ['hold', process.argv[2]], { stdio: ['pipe', 'inherit', 'inherit'], detached: true })`,
        labScript,
        name,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const [line] = (await once(holder.stdout, 'data')) as [Buffer]
    const [, pid1, group] = line.toString().trim().split(' ')
    expect(existsSync(`/proc/${pid1}`) && existsSync(group!)).toBe(true)
    holder.kill('SIGKILL')
    await waitFor('the lab to be gone', () => !existsSync(group!) && !existsSync(`/run/unitscope-lab/${name}`))
  })

  it('is swept by the next boot when even its keeper is killed', async () => {
    const lab = await bootLab()
    const keeper = Number(readFileSync(`/run/unitscope-lab/${lab.name}/owner`, 'utf8').split(' ')[0])
    process.kill(keeper, 'SIGKILL')
    await waitFor('its PID 1 to be gone', () => !existsSync(`/proc/${lab.pid1}`))
    await withLab(async () => {
      expect(existsSync(lab.cgroupRoot)).toBe(false) // swept by the next boot
    })
    await lab.close()
  })

  it('says why it cannot run', async () => {
    const asNobody = ['--reuid', '65534', '--clear-groups', labScript, 'check']
    const answer = await run('/usr/bin/setpriv', asNobody, { allowFailure: true })
    expect(answer).toMatchObject({ code: 1, stderr: 'lab: needs root: it makes namespaces and mounts\n' })
  })

  it('refuses a second lab of the same name and keeps the first', () =>
    withLab(async (lab) => {
      const second = await run(labScript, ['up', lab.name], { allowFailure: true })
      expect(second.code).toBe(1)
      expect(second.stderr).toContain('runs already')
      expect((await lab.systemctl('is-system-running')).trim()).toBe('running')
    }))
})
