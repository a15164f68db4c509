import { describe, expect, it } from 'vitest'
import { opening, type Subject } from '../../../src/cli/demo-subject.js'
import { parseConfig } from '../../../src/config/config.js'
import { registrations } from '../../../src/registry.js'

const bus = 'unix:path=/proc/42/root/run/dbus/system_bus_socket'
const lab = { kind: 'lab', lab: { busAddress: bus, cgroupRoot: '/x' } } as Subject
const host: Subject = { kind: 'host' }

async function lines(subject: Subject, file: string | undefined, receiver: string, exporters: string, port = 9464) {
  const ids = [...exporters.matchAll(/(\w+): \{/g)].map(([, id]) => id)
  const yaml = [
    `receivers: { ${receiver} }`,
    `exporters: { ${exporters} }`,
    `service: { pipelines: { units: { receivers: [${receiver.split(':')[0]}], exporters: [${ids[0]}] } } }`,
  ].join('\n')
  const sources = { env: {}, readFile: () => Promise.reject(new Error('no file is read here')) }
  const config = await parseConfig(yaml, 'my.yaml', registrations, sources)
  return opening({ subject, config, file, port, forMs: 15_000 }).trimEnd().split('\n')
}

const at = (address: string): string => `systemd: { address: "${address}" }`
const page = 'prometheus: { endpoint: 127.0.0.1:9464 }'

describe("the demo's first lines are true", () => {
  it('of its own configuration', async () => {
    expect(await lines(lab, undefined, at(bus), page)).toEqual([
      'Watching a systemd booted for the demo; its services misbehave.',
      'Metrics for Prometheus: http://127.0.0.1:9464/metrics',
      'Ends after 15 s, or with Ctrl-C.',
    ])
    expect((await lines(host, undefined, 'systemd: {}', page))[0]).toBe("Watching this machine's systemd.")
  })

  it('of one that took another port, or another page', async () => {
    expect((await lines(lab, 'my.yaml', at(bus), 'prometheus: { endpoint: 127.0.0.1:9465 }', 9465))[1]).toBe(
      'Metrics for Prometheus: http://127.0.0.1:9465/metrics (port 9464 is taken)',
    )
    const own = 'prometheus: { endpoint: 127.0.0.1:7000, path: /page }'
    expect((await lines(lab, 'my.yaml', at(bus), own, 9465))[1]).toBe(
      'Metrics for Prometheus: http://127.0.0.1:7000/page',
    )
  })

  it('of one without Prometheus, or with one that no pipeline uses', async () => {
    const quiet = [
      'Watching a systemd booted for the demo; its services misbehave.',
      'Ends after 15 s, or with Ctrl-C.',
    ]
    expect(await lines(lab, 'my.yaml', at(bus), 'debug: {}')).toEqual(quiet)
    expect(await lines(lab, 'my.yaml', at(bus), `debug: {}, ${page}`)).toEqual(quiet)
  })

  it('of one that watches another bus, or none', async () => {
    const aside = 'The systemd booted for the demo is not watched: address: ${' + 'env:UNITSCOPE_BUS_ADDRESS} would.'
    expect((await lines(lab, 'my.yaml', at('unix:path=/run/other'), 'debug: {}'))[0]).toBe(
      `Watching unix:path=/run/other, as my.yaml says. ${aside}`,
    )
    expect((await lines(host, 'my.yaml', at('unix:path=/run/other'), 'debug: {}'))[0]).toBe(
      'Watching unix:path=/run/other, as my.yaml says.',
    )
    expect((await lines(lab, 'my.yaml', 'self_telemetry: {}', 'debug: {}'))[0]).toBe(
      `No receiver of my.yaml watches a systemd. ${aside}`,
    )
    expect((await lines(host, 'my.yaml', 'systemd: { scope: user }', 'debug: {}'))[0]).toBe(
      "Watching the user's bus, as my.yaml says.",
    )
  })
})
