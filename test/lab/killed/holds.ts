import { it } from 'vitest'
import { withLab } from '../lab.js'
import { runInVm } from '../vm.js'

// Holds a lab or a VM and waits to be killed; standard output tells whose worker this is.
const held = process.env['UNITSCOPE_TEST_HOLDS']

it(`holds a ${held}`, async () => {
  const forever = new Promise<never>(() => {})
  if (held === 'vm') {
    console.log(`held by ${process.pid}`)
    await runInVm('sleep infinity', () => forever)
  } else {
    await withLab((lab) => {
      console.log(`held by ${process.pid} pid1 ${lab.pid1}`)
      return forever
    })
  }
})
