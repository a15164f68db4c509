import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab } from '../lab/lab.js'
import { installScenarios, scenarios } from './systemd-scenarios.js'
import { Normaliser, type Watch, watch } from './systemd-support.js'

const goldenFile = new URL('../golden/systemd/events.json', import.meta.url)
const update = process.env['UPDATE_GOLDEN'] === '1'
const golden = update ? {} : (JSON.parse(readFileSync(goldenFile, 'utf8')) as Record<string, unknown>)

describeLab('what a real systemd does, as events', () => {
  let lab: Lab
  let watched: Watch

  beforeAll(async () => {
    lab = await bootLab()
    await installScenarios(lab)
    await lab.systemctl('start', 'dbus.service')
    watched = await watch(lab)
  })
  afterAll(async () => {
    await watched?.close()
    await lab?.close()
    if (update) writeFileSync(goldenFile, `${JSON.stringify(golden, null, 2)}\n`)
  })

  for (const { name, run } of scenarios) {
    it(name, async () => {
      await watched.take()
      await run(lab)
      const events = await watched.take()
      const normaliser = new Normaliser()
      const actual = events.map((one) => normaliser.normalise(one))
      if (update) golden[name] = actual
      else expect(actual).toEqual(golden[name])
    })
  }

  it('has lost and dropped nothing on the way', () => {
    expect([...watched.telemetry.drops]).toEqual([])
    expect(watched.telemetry.processedItems).toBe(watched.exporter.items)
  })
})
