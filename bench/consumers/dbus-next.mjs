// dbus-next.mjs ADDRESS [STALL_MS]: the same as bench/native/consume_sd_bus.cc, with dbus-next.
import { createRequire } from 'node:module'
import { Meter, rules, serve, tell } from './meter.mjs'

const dbus = createRequire(import.meta.url)('dbus-next')
const [address, stallMs = '0'] = process.argv.slice(2)

await serve(async () => {
  let signals = 0
  const meter = new Meter(() => ({ signals }), Number(stallMs))
  const bus = dbus.sessionBus({ busAddress: address, authMethods: ['EXTERNAL'] })
  const over = new Promise((resolve, reject) => {
    bus.on('error', reject)
    bus.on('message', ({ type, path, member, body }) => {
      if (type !== dbus.MessageType.SIGNAL) return
      if (member === 'PropertiesChanged') {
        signals++
        const { StateChangeTimestamp } = body[1]
        if (StateChangeTimestamp !== undefined) meter.state(path, Number(StateChangeTimestamp.value))
      } else if (member === 'UnitNew') meter.unitNew(body[0])
      if (meter.over) resolve()
    })
  })
  for (const rule of rules) await bus.call(call('AddMatch', rule))
  tell('ready')
  await over
  bus.disconnect()
})

function call(member, argument) {
  const driver = 'org.freedesktop.DBus'
  const fields = { destination: driver, path: '/org/freedesktop/DBus', interface: driver, member }
  return new dbus.Message({ ...fields, signature: 's', body: [argument] })
}
