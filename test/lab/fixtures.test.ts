import { expect, it } from 'vitest'
import { describeLab } from './describe-lab.js'
import { waitFor, withLab } from './lab.js'

describeLab('the misbehaving services', () => {
  it('each misbehave as their unit file says', () =>
    withLab(async (lab) => {
      await lab.startFixtures()
      const said = (match: string) =>
        lab.journal('_PID=1').then((all) => all.filter((e) => e['MESSAGE']?.includes(match)))
      const happens = (match: string) => waitFor(`"${match}" in the journal`, async () => (await said(match))[0])

      await happens('checkout.service: Scheduled restart job, restart counter is at 3')
      await happens('database.service: Main process exited, code=killed, status=11/SEGV')
      await happens('Stopped api.service')
      await happens('Stopped web.service')
      await happens('Started slow-start.service')
      await happens('stuck.service: Watchdog timeout')
      await happens("leaker.service: Failed with result 'signal'")
      await happens("report.service: Failed with result 'exit-code'")
      await waitFor('web to be back with the database', async () => {
        return (await lab.show('web.service', 'ActiveState'))['ActiveState'] === 'active'
      })

      // The first two runs of the report succeed.
      const reports = await lab.journal('--unit=report.service', '_TRANSPORT=stdout')
      expect(reports.slice(0, 3).map((e) => e['MESSAGE'])).toEqual([
        'run 1: report written',
        'run 2: report written',
        'run 3: the source is empty',
      ])
    }))
})
