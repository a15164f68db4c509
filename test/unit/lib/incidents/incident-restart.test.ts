import { describe, expect, it, test } from 'vitest'
import { parseIncidents } from '../../../../src/lib/incidents/saved-incident.js'
import { Story } from './story.js'

const needs = { b: ['a'], c: ['b'], y: ['x'] }

type Step = readonly [ms: number, line: string]

/** Everything that may be cut in two: loops, giving up, what was taken down, a late root, two that become one. */
const life: readonly Step[] = [
  [0, 'a failed will_restart'],
  [10, 'b taken_down by a'],
  [100, 'a up'],
  [2000, 'a failed will_restart'],
  [2100, 'a up'],
  [2500, 'c failed gave_up'],
  [9000, 'z failed'],
  [9100, 'z waiting'],
  [9900, 'z up'],
  [12_000, 'a failed will_restart'],
  [12_100, 'a refused'],
  [20_000, 'y failed gave_up'],
  [25_000, 'x failed gave_up since 19900'],
  [26_000, 'x failed gave_up by a'],
  [30_000, 'a starting'],
  [30_100, 'a up'],
  [30_200, 'b up'],
  [31_000, 'c up'],
  [32_000, 'y up'],
  [33_000, 'x up'],
  [90_000, 'z failed will_restart'],
  [90_100, 'z up'],
  [200_000, 'c failed'],
  [203_000, 'c ended'],
]

const told = (cut = -1): Story => {
  const story = new Story(needs)
  for (const [at, [ms, line]] of life.entries()) {
    story.at(ms, line)
    // Of what waits to be told of nothing is kept: its failures are told by the journal once more.
    if (at === cut) story.until(ms + 1500).restart()
  }
  return story.until(400_000)
}

describe('an agent that is killed and started again at once', () => {
  const whole = told()

  it('tells a story worth the name', () => {
    expect(whole.said.filter((line) => line.includes(' opened ')).length).toBeGreaterThan(2)
    expect(whole.said.some((line) => line.includes('merged'))).toBe(true)
    expect([...whole.book.open]).toEqual([])
  })

  const cuts = life.flatMap(([ms, line], at) =>
    (life[at + 1]?.[0] ?? Infinity) - ms > 1500 ? [[at, line] as const] : [],
  )
  it.each(cuts)('cut after step %i (%s): the same is told, of the same incidents', (cut) => {
    const story = told(cut)
    expect(story.said).toEqual(whole.said)
    expect(story.stretches).toEqual(whole.stretches)
  })

  it.each(Array.from({ length: 80 }, (_, i) => i * 431))(
    'cut at %i ms: nothing that was told of is opened again',
    (ms) => {
      const story = new Story(needs)
      const before = life.filter(([at]) => at <= ms)
      for (const [at, line] of before) story.at(at, line)
      const saved = story.until(ms).saved()
      story.restart(0, 0, saved)
      // The journal tells what was told within the last seconds once more.
      story.retell(ms - 5000)
      for (const [at, line] of life) if (at > ms) story.at(at, line)
      story.until(400_000)
      const ids = story.said.filter((line) => line.includes(' opened ')).map((line) => line.split(' ')[2])
      expect(new Set(ids).size).toBe(ids.length)
      expect(ids).toHaveLength(whole.said.filter((line) => line.includes(' opened ')).length)
      expect([...story.book.open]).toEqual([])
    },
  )

  it('saves what it has read as it was', () => {
    const story = new Story(needs).at(0, 'a failed will_restart').at(10, 'b taken_down by a').at(2000, 'c failed')
    const saved = story.saved()
    expect(saved[0]!.members).toHaveLength(3)
    expect(story.restart().saved()).toEqual(saved)
  })
})

describe('an agent that was away', () => {
  const loop = () => new Story().at(0, 'a failed will_restart').until(5000)

  test('says nothing of what is as it was', () => {
    const story = new Story().at(0, 'a failed gave_up').until(5000).restart(100_000, 35_000).until(500_000)
    expect(story.said).toEqual(['1000 opened #1 gave_up, root a: a'])
  })

  test('hears of the end, with the time of then: one update, and the healthy time is waited for', () => {
    const story = loop().restart(10_000, 35_000).replay(8000, 'a up').until(500_000)
    expect(story.said).toEqual([
      '1000 opened #1 open, root a: a',
      '15000 updated(state) #1 recovering, root a: a',
      '75000 resolved(recovered) #1 resolved, root a: a',
    ])
  })

  test('knows a failure long after the end for another incident, though it was told late', () => {
    const story = loop().at(6000, 'a up').restart(200_000, 35_000).replay(150_000, 'a failed gave_up').until(500_000)
    expect(story.said.map((line) => line.split(',')[0])).toEqual([
      '1000 opened #1 open',
      '206000 resolved(recovered) #1 resolved',
      '207000 opened #2 gave_up',
    ])
  })

  test('resolves nothing while the journal may still be read', () => {
    const story = loop().at(6000, 'a up').restart(200_000, 35_000).until(242_000)
    expect(story.said.at(-1)).toBe('241000 resolved(recovered) #1 resolved, root a: a')
    const early = loop().at(6000, 'a up').restart(200_000, 35_000).until(210_000).replay(20_000, 'a failed gave_up')
    expect(early.said.at(-1)).toMatch(/updated\(state\) #1 gave_up/)
  })

  test('does not take a failure for the last word while the journal may still be read', () => {
    const story = loop().at(20_000, 'a failed').restart(10_000, 35_000).until(40_000)
    story.replay(20_100, 'a waiting').replay(21_000, 'a up').until(500_000)
    expect(story.said.some((line) => line.includes('gave_up'))).toBe(false)
  })

  test('a unit that is gone is not waited for for ever', () => {
    const story = loop().restart(10_000, 35_000).read(16_000, 'other').until(500_000)
    expect(story.said.at(-1)).toBe('76000 resolved(unknown) #1 resolved, root a: a')
    expect(story.stretches.at(-1)).toBe('#1 a restart 0-76000')
  })

  test('one whose state is read is, and so is each where no states are read', () => {
    expect(loop().restart(10_000).read(16_000, 'other').read(20_000, 'a').until(500_000).said).toHaveLength(1)
    expect(loop().restart(10_000).until(500_000).said).toHaveLength(1)
  })

  test('of two the one that is gone keeps nothing open', () => {
    const story = new Story(needs).at(0, 'a failed will_restart').at(10, 'b taken_down by a').until(5000)
    story.restart(10_000, 35_000).read(16_000, 'a').replay(8000, 'a up').until(500_000)
    expect(story.said.at(-1)).toMatch(/resolved\(recovered\) #1 resolved, root a: a b/)
  })

  test('after a reboot all is over', () => {
    const story = loop().restart(10_000)
    story.book.endAll('rebooted', 15_000)
    expect(story.said.at(-1)).toMatch(/resolved\(rebooted\) #1/)
  })

  test('keeps no more than there may be at once', () => {
    const story = new Story({}, { maxIncidents: 3 })
    for (const unit of ['a', 'b', 'c']) story.at(0, `${unit} failed gave_up`)
    const saved = story.until(5000).saved()
    const smaller = new Story({}, { maxIncidents: 2 }).restart(0, 0, saved)
    expect([smaller.book.size, smaller.evicted]).toEqual([2, 1])
  })
})

describe('a file that is not as it should be', () => {
  const good = () => {
    const [saved] = new Story().at(0, 'a failed will_restart').until(2000).saved()
    return saved as unknown as Record<string, unknown>
  }
  const incident = (change: object) => ({ bootId: '', incidents: [{ ...good(), ...change }] })
  const member = (change: object) =>
    incident({ members: [{ ...(good()['members'] as readonly object[])[0], ...change }] })

  it.each<[string, unknown, string]>([
    ['nothing', null, 'bootId is no boot ID'],
    ['incidents without end', { bootId: '', incidents: Array(513).fill(good()) }, 'incidents is no list of incidents'],
    ['one twice', { bootId: '', incidents: [good(), good()] }, 'an ID stands twice'],
    ['nobody', { bootId: '', incidents: [null] }, 'incidents[0].id is no ID'],
    ['an ID that no trace may have', incident({ id: '0'.repeat(32) }), 'incidents[0].id is no ID'],
    ['one that is over', incident({ state: 'resolved' }), 'incidents[0].state is none'],
    ['a state from the prototype', incident({ state: 'constructor' }), 'incidents[0].state is none'],
    ['no units', incident({ members: [] }), 'incidents[0].members is no list of units'],
    ['units without end', incident({ members: Array(8193).fill({}) }), 'incidents[0].members is no list of units'],
    ['a root that is not there', incident({ root: 1 }), 'incidents[0].root is none of its members'],
    ['a time as a text', incident({ openedUnixMs: '5' }), 'incidents[0].a time is none'],
    ['half of what is well', incident({ well: {} }), 'incidents[0].well has no times'],
    ['a count below 0', incident({ stretches: -1 }), 'incidents[0].a count is none'],
    ['milestones without end', incident({ milestones: Array(65).fill(['1', '']) }), 'incidents[0].milestones are none'],
    ['nothing told', incident({ told: {} }), 'incidents[0].told is incomplete'],
    ['nothing sent', incident({ sent: undefined }), 'incidents[0].sent is incomplete'],
    ['a manager that is none', member({ scope: 'x' }), 'incidents[0].members[0].unit is none'],
    ['no resource', member({ resource: { key: 'a' } }), 'incidents[0].members[0].resource is none'],
    [
      'an attribute that is an object',
      member({ resource: { key: 'a', attributes: { a: {} } } }),
      'incidents[0].members[0].resource is none',
    ],
    [
      'an origin that is none',
      member({ resource: { key: 'a', attributes: {}, origin: { scope: 7 } } }),
      'incidents[0].members[0].resource is none',
    ],
    ['half a cause', member({ cause: { unit: 'a' } }), 'incidents[0].members[0].cause is none'],
    ['a standing that is none', member({ standing: 'lost' }), 'incidents[0].members[0].standing is none'],
    ['a text without end', member({ reason: 'x'.repeat(4097) }), 'incidents[0].members[0].a text is none'],
    ['a negative time', member({ lastNano: '-1' }), 'incidents[0].members[0].a time is none'],
    ['a stretch that is none', member({ open: { kind: 'run' } }), 'incidents[0].members[0].open is no stretch'],
    ['half an impact', member({ impact: { count: 1 } }), 'incidents[0].members[0].impact is none'],
  ])('%s is refused with a reason', (_, json, reason) => {
    expect(() => parseIncidents(json)).toThrow(reason)
  })

  it("keeps whose a unit is: what is told after a restart is the same tenant's", () => {
    const origin = {
      scope: '',
      resource: '',
      resourceRecords: '',
      scopeRecords: '\u001a\u0001\xff',
      metadata: { 'x-org': 'a' },
    }
    const resource = { key: 'a', attributes: {}, origin }
    const { incidents } = parseIncidents(JSON.parse(JSON.stringify(member({ resource }))))
    expect(incidents[0]!.members[0]!.resource).toEqual(resource)
  })
})
