import { describe, expect, test } from 'vitest'
import { Story } from './story.js'

function check(story: Story, said: readonly string[]): void {
  expect(story.said).toEqual(said)
}

/** c needs b, b needs a. */
const chain = { b: ['a'], c: ['b'] }

describe('one unit', () => {
  test('fails, is restarted, stays up: opened, recovering, resolved', () => {
    check(new Story().at(0, 'a failed will_restart').at(100, 'a up').until(100_000), [
      '1000 opened #1 recovering, root a: a',
      '60100 resolved(recovered) #1 resolved, root a: a',
    ])
  })

  test('fails for good: told of with that, and resolved only when somebody has started it again', () => {
    check(new Story().at(0, 'a failed gave_up').until(500_000).at(600_000, 'a up').until(700_000), [
      '1000 opened #1 gave_up, root a: a',
      '600000 updated(state) #1 recovering, root a: a',
      '660000 resolved(recovered) #1 resolved, root a: a',
    ])
  })

  test('crashes in a loop: one incident, its updates far apart, and that it gave up at once', () => {
    const story = new Story()
    for (let ms = 0; ms < 30_000; ms += 200) story.at(ms, 'a failed will_restart').at(ms + 100, 'a up')
    story.at(30_000, 'a failed will_restart').at(30_100, 'a refused').until(90_000)
    const states = story.said.map((line) => line.replace(/ #1 (\w+).*/, ' $1'))
    expect(states[0]).toMatch(/^1000 opened /)
    expect(states.at(-1)).toBe('30100 updated(state) gave_up')
    expect(states.length).toBeLessThanOrEqual(5)
    expect([...story.book.open][0]!.failures).toBe(151)
  })

  test('whose fate nobody told has given up when no restart was told of in time', () => {
    check(new Story().at(0, 'a failed').until(5000), ['1000 opened #1 gave_up, root a: a'])
    check(new Story().at(0, 'a failed').at(10, 'a waiting').until(5000), ['1000 opened #1 open, root a: a'])
  })

  test('is stopped by an operator: its incident is over', () => {
    check(new Story().at(0, 'a failed will_restart').at(5000, 'a ended').until(100_000), [
      '1000 opened #1 open, root a: a',
      '5000 resolved(stopped) #1 resolved, root a: a',
    ])
  })

  test('is stopped before its incident was told of: both are told', () => {
    check(new Story().at(0, 'a failed will_restart').at(300, 'a ended').until(100_000), [
      '300 opened #1 resolved, root a: a',
      '300 resolved(stopped) #1 resolved, root a: a',
    ])
  })

  test('fails again within the healthy time: the same incident; after it, another', () => {
    const story = new Story().at(0, 'a failed will_restart').at(100, 'a up')
    story.at(50_000, 'a failed will_restart').at(50_100, 'a up').at(200_000, 'a failed gave_up').until(210_000)
    check(story, [
      '1000 opened #1 recovering, root a: a',
      '50000 updated(state) #1 open, root a: a',
      '60000 updated(state) #1 recovering, root a: a',
      '110100 resolved(recovered) #1 resolved, root a: a',
      '201000 opened #2 gave_up, root a: a',
    ])
  })

  test('a oneshot that works the next time is well when it is done', () => {
    check(new Story().at(0, 'a failed gave_up').at(30_000, 'a starting').at(31_000, 'a done').until(200_000), [
      '1000 opened #1 gave_up, root a: a',
      '30000 updated(state) #1 open, root a: a',
      '40000 updated(state) #1 recovering, root a: a',
      '91000 resolved(recovered) #1 resolved, root a: a',
    ])
  })

  test('a job that runs more often than the healthy time is well when it has not failed for so long', () => {
    const story = new Story().at(0, 'a failed gave_up')
    for (let ms = 10_000; ms < 100_000; ms += 20_000) story.at(ms, 'a starting').at(ms + 1000, 'a done')
    expect(story.said.at(-1)).toBe('71000 resolved(recovered) #1 resolved, root a: a')
  })

  test('a watchdog that expires begins it; the failure that follows is part of it', () => {
    const story = new Story().at(0, 'a failing').at(500, 'a failed gave_up').until(2000)
    check(story, ['1000 opened #1 gave_up, root a: a'])
    expect([...story.book.open][0]!.failures).toBe(1)
  })

  test.each(['a up', 'a done', 'a ended', 'a waiting', 'a taken_down'])('%s is no incident', (line) => {
    check(new Story().at(0, line).until(10_000), [])
  })
})

describe('a cause and what depends on it', () => {
  test.each([
    ['cause first', ['a failed gave_up', 'b failed gave_up', 'c failed gave_up'], 'a b c'],
    ['cause last', ['c failed gave_up', 'b failed gave_up', 'a failed gave_up'], 'c b a'],
    ['cause between', ['c failed gave_up', 'a failed gave_up', 'b failed gave_up'], 'c a b'],
    ['the one between is well', ['c failed gave_up', 'a failed gave_up'], 'c a'],
    ['taken down by systemd', ['a failed gave_up', 'b taken_down by a', 'c taken_down by a'], 'a b c'],
    ['taken down before it is told why', ['b taken_down by a', 'c taken_down by a', 'a failed gave_up'], 'a b c'],
    ['failed in its stop', ['b failed gave_up by a', 'a failed gave_up'], 'a b'],
  ])('%s: one incident, told of once, with the root', (_, lines, units) => {
    const story = new Story(chain)
    for (const [at, line] of lines.entries()) story.at(at * 10, line)
    check(story.until(100_000), [`1000 opened #1 gave_up, root a: ${units}`])
  })

  test('two that failed first and had nothing to do with each other become one with their cause', () => {
    const story = new Story({ b: ['a'], c: ['a'] }).at(0, 'b failed gave_up').at(10, 'c failed gave_up')
    expect([story.idOf('b'), story.idOf('c')]).toEqual(['#1', '#2'])
    story.at(20, 'a failed gave_up').until(100_000)
    check(story, ['1000 opened #1 gave_up, root a: b a c'])
    expect([story.idOf('a'), story.idOf('b'), story.idOf('c')]).toEqual(['#1', '#1', '#1'])
    expect([...story.book.open][0]!.mergedIds).toHaveLength(1)
  })

  test('a cause that is long in failing is revised, not a second alarm', () => {
    const story = new Story(chain).at(0, 'b failed gave_up').until(5000).at(6000, 'a failed gave_up since -100')
    check(story.until(20_000), [
      '1000 opened #1 gave_up, root b: b',
      '11000 updated(units, root_cause) #1 gave_up, root a: b a',
    ])
  })

  test('a dependent never has one of its own while that of the cause is open, however late it fails', () => {
    const story = new Story(chain).at(0, 'a failed gave_up').at(500_000, 'c failed gave_up').until(520_000)
    check(story, ['1000 opened #1 gave_up, root a: a', '500000 updated(units) #1 gave_up, root a: a c'])
  })

  test('after its end the dependent is on its own', () => {
    const story = new Story(chain).at(0, 'a failed will_restart').at(100, 'a up').at(70_000, 'b failed gave_up')
    expect(story.until(72_000).said.at(-1)).toBe('71000 opened #2 gave_up, root b: b')
  })

  test('what systemd says late joins two that were told of: the dependent is resolved as merged', () => {
    const story = new Story().at(0, 'b failed will_restart').until(2000).at(3000, 'a failed gave_up').until(5000)
    check(story.at(6000, 'b failed gave_up by a').until(20_000), [
      '1000 opened #1 open, root b: b',
      '4000 opened #2 gave_up, root a: a',
      '6000 resolved(merged) #1 resolved, root b: b',
      '14000 updated(units) #2 gave_up, root a: a b',
    ])
  })

  test('who needs each other has one incident, of the first that failed', () => {
    const story = new Story({ a: ['b'], b: ['a'] }).at(0, 'a failed gave_up').at(5, 'b failed gave_up by a')
    check(story.at(10, 'a failed gave_up by b').until(5000), ['1000 opened #1 gave_up, root a: a b'])
  })

  test('is over when all are well: the cause alone is not enough', () => {
    const story = new Story(chain).at(0, 'a failed will_restart').at(1, 'b taken_down by a').at(100, 'a up')
    check(story.until(300_000).at(400_000, 'b up').until(500_000), [
      '1000 opened #1 open, root a: a b',
      '400000 updated(state) #1 recovering, root a: a b',
      '460000 resolved(recovered) #1 resolved, root a: a b',
    ])
  })

  test('one that is stopped by an operator is waited for no longer', () => {
    const story = new Story(chain).at(0, 'a failed will_restart').at(1, 'b taken_down by a').at(100, 'a up')
    expect(story.at(5000, 'b ended').until(100_000).said.at(-1)).toBe(
      '65000 resolved(recovered) #1 resolved, root a: a b',
    )
  })
})

describe('a handler of failures', () => {
  const handled = (...lines: readonly [ms: number, line: string][]): Story => {
    const story = new Story({}, {}, { h: ['a'], i: ['h'] })
    for (const [ms, line] of lines) story.at(ms, line)
    return story.until(20_000)
  }

  test('that fails is part of the incident that it was started for, and so is its own handler', () => {
    check(handled([0, 'a failed gave_up'], [50, 'h failed gave_up ran 10'], [90, 'i failed gave_up ran 60']), [
      '1000 opened #1 gave_up, root a: a h i',
    ])
  })

  test('that ran before, or fails when the other one is no longer waited for, has one of its own', () => {
    check(handled([100, 'a failed gave_up'], [150, 'h failed gave_up ran 90']), [
      '1100 opened #1 gave_up, root a: a',
      '1150 opened #2 gave_up, root h: h',
    ])
    check(handled([0, 'a failed gave_up'], [2000, 'a ended'], [2500, 'h failed gave_up ran 10']), [
      '1000 opened #1 gave_up, root a: a',
      '2000 resolved(stopped) #1 resolved, root a: a',
      '3500 opened #2 gave_up, root h: h',
    ])
  })
})

describe('what does not belong together', () => {
  test.each([
    ['two units at one instant', {}, ['a failed gave_up', 'x failed gave_up']],
    ['two dependents of what is well', { b: ['a'], c: ['a'] }, ['b failed gave_up', 'c failed gave_up']],
    ['two killed for their own limits', {}, ['a failed gave_up in a.service', 'x failed gave_up in x.service']],
  ])('%s are two incidents', (_, needs, lines) => {
    const story = new Story(needs)
    for (const line of lines) story.at(0, line)
    expect(story.until(2000).said).toHaveLength(2)
  })

  test('a needed unit that fails much later did not make the other one fail', () => {
    const story = new Story(chain).at(0, 'b failed gave_up').at(5000, 'a failed gave_up').until(10_000)
    check(story, ['1000 opened #1 gave_up, root b: b', '6000 opened #2 gave_up, root a: a'])
  })
})

test('units that shared a memory limit when it was hit are one incident', () => {
  const story = new Story().at(0, 'a failed gave_up in jobs.slice').at(10, 'x failed gave_up in jobs.slice').until(2000)
  check(story, ['1000 opened #1 gave_up, root a: a x'])
})

test('and so they are when the kernel says so only later', () => {
  const story = new Story().at(0, 'a failed gave_up').at(10, 'x failed gave_up')
  story.at(20, 'a failing in jobs.slice').at(30, 'x failing in jobs.slice').until(2000)
  check(story, ['1000 opened #1 gave_up, root a: a x'])
})

test('events that come faster than they happened: quiet time is that of the events', () => {
  const story = new Story().at(0, 'a failed will_restart').at(100, 'a up')
  story.replay(90_000, 'a failed gave_up').until(1100)
  check(story, [
    '100 opened #1 resolved, root a: a',
    '100 resolved(recovered) #1 resolved, root a: a',
    '1100 opened #2 gave_up, root a: a',
  ])
})

describe('its limits', () => {
  test('past max_incidents the one in which nothing happened for longest is given up, and said to be', () => {
    const story = new Story({}, { maxIncidents: 2 })
    story
      .at(0, 'a failed gave_up')
      .at(10, 'b failed gave_up')
      .at(20, 'a starting')
      .at(30, 'c failed gave_up')
      .until(2000)
    expect(story.said.filter((line) => line.includes('evicted'))).toEqual([
      '30 resolved(evicted) #2 resolved, root b: b',
    ])
    expect([story.book.size, story.evicted]).toEqual([2, 1])
  })

  test('past max_units further ones are counted, and have no incident of their own', () => {
    const story = new Story({ b: ['a'], c: ['a'], d: ['a'] }, { maxUnits: 2 })
    for (const unit of ['a', 'b', 'c', 'd']) story.at(0, `${unit} failed gave_up`)
    check(story.until(2000), ['1000 opened #1 gave_up, root a: a b'])
    expect([story.omitted, [...story.book.open][0]!.unitsOmitted]).toEqual([2, 2])
  })

  test('milestones are bounded, and the end always finds room', () => {
    const story = new Story()
    for (let ms = 0; ms < 20_000; ms += 100) story.at(ms, 'a failed will_restart').at(ms + 50, 'a up')
    const [incident] = story.book.open
    story.until(200_000)
    expect(incident!.milestones).toHaveLength(64)
    expect(incident!.milestones.at(-1)!.text).toBe('incident resolved: recovered')
    expect(incident!.milestonesDropped).toBeGreaterThan(100)
  })
})

describe('stretches', () => {
  test('of a crash loop: each run, each wait, and the run that lasted', () => {
    const story = new Story()
      .at(1000, 'a failed will_restart since 900')
      .at(1100, 'a up')
      .at(1400, 'a failed will_restart')
    expect(story.at(1500, 'a up').until(100_000).stretches).toEqual([
      '#1 a run 900-1000',
      '#1 a restart 1000-1100',
      '#1 a run 1100-1400',
      '#1 a restart 1400-1500',
      '#1 a up 1500-61500',
    ])
  })

  test('of a failure of which was told only later that it is restarted: one wait', () => {
    const story = new Story().at(0, 'a failed').at(1, 'a waiting since 0').at(100, 'a up').until(2000)
    expect(story.stretches).toEqual(['#1 a run 0-0', '#1 a restart 0-100'])
  })

  test('of a unit that was taken down: until it is up again', () => {
    const story = new Story(chain)
      .at(0, 'a failed will_restart')
      .at(5, 'b taken_down by a')
      .at(100, 'a up')
      .at(900, 'b up')
    expect(story.until(100_000).stretches).toEqual([
      '#1 a run 0-0',
      '#1 a restart 0-100',
      '#1 b down 5-900',
      '#1 a up 100-60900',
      '#1 b up 900-60900',
    ])
  })

  test('of what gave up: down until somebody started it, or stopped waiting for it', () => {
    const story = new Story().at(0, 'a failed will_restart').at(100, 'a refused').at(5000, 'a ended')
    expect(story.stretches).toEqual(['#1 a run 0-0', '#1 a restart 0-100', '#1 a down 100-5000'])
  })

  test('of incidents that became one before they were told of belong to the one that is', () => {
    const story = new Story({ b: ['a'], c: ['a'] }).at(0, 'b failed gave_up').at(10, 'c failed gave_up')
    story.at(20, 'a failed gave_up').until(2000)
    expect(story.stretches).toEqual(['#1 b run 0-0', '#1 c run 10-10', '#1 a run 20-20'])
  })
})

describe('history that is told at once', () => {
  test('a dependent that failed hours after the cause was well again is an incident of its own', () => {
    const story = new Story(chain).replay(0, 'a failed will_restart').replay(100, 'a up')
    story.replay(28_800_000, 'b failed gave_up').until(1000)
    check(story, [
      '0 opened #1 resolved, root a: a',
      '0 resolved(recovered) #1 resolved, root a: a',
      '1000 opened #2 gave_up, root b: b',
    ])
  })
})
