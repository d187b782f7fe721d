import { describe, expect, it } from 'vitest'
import {
  allOf,
  hostNames,
  MATCH_ALL,
  matchesEverything,
  parseFilter,
  requirements,
  withAddresses,
} from '../../../src/sockets/filter/index.js'

const NOTHING = {
  ...{ info: false, memory: false, processes: false, cgroup: false, mark: false, users: false },
  ...{ states: null, namesStates: false, families: null },
}
const needs = (text: string) => requirements(parseFilter(text))
const states = (text: string) => needs(text).states
const families = (text: string) => {
  const set = needs(text).families
  return set && [...set]
}

describe('requirements', () => {
  it('asks for nothing where the message itself has the field', () => {
    expect(needs('')).toEqual(NOTHING)
    expect(needs('sport = 22 or dport != 80 and uid = 0')).toEqual(NOTHING)
  })

  it('asks for what a predicate reads, wherever it stands', () => {
    expect(needs('not (sport = 1 or rtt > 5)').info).toBe(true)
    expect(needs('idle > 5s').info).toBe(true)
    expect(needs('drops > 0')).toMatchObject({ memory: true, info: false })
    expect(needs('pid = 1').processes).toBe(true)
    expect(needs('comm ~ x*').processes).toBe(true)
    expect(needs('cgroup = /x').cgroup).toBe(true)
    expect(needs('fwmark = 1').mark).toBe(true)
    expect(needs('user = root').users).toBe(true)
    expect(needs('uid = 0').users).toBe(false)
  })

  it('leaves out the states that have no peer where a peer port must be other than 0', () => {
    const peerless = (1 << 10) | (1 << 13)
    for (const text of ['dport = :443', 'dst 10.0.0.1:443', 'dport > 1000', 'dport = :1 and sport = :2']) {
      expect(states(text)! & peerless).toBe(0)
    }
    for (const text of [
      'dport != :443',
      'not dport = :443',
      'dport < 5',
      'dport = :443 or sport = :22',
      'dst 10.0.0.1',
    ]) {
      expect(states(text)).toBeNull()
    }
  })

  it('says whether the filter itself speaks of states', () => {
    expect(needs('not state = listening').namesStates).toBe(true)
    expect(needs('dport = :443').namesStates).toBe(false)
  })

  it('narrows the states as far as junctions allow', () => {
    const timeWait = 1 << 6
    const established = 1 << 1
    expect(states('state = time-wait')).toBe(timeWait)
    expect(states('state = time-wait and sport = 22')).toBe(timeWait)
    expect(states('state = time-wait,established and state = established')).toBe(established)
    expect(states('state = time-wait and sport = 1 or state = established')).toBe(timeWait | established)
    expect(states('state = time-wait or sport = 22')).toBeNull()
    expect(states('state != time-wait')! & timeWait).toBe(0)
    expect(states('not state != time-wait')).toBe(timeWait)
    expect(states('not (state != time-wait or sport = 1)')).toBe(timeWait)
    expect(states('state = time-wait and state = established')).toBe(0)
    expect(states('state = all')).toBeNull()
  })

  it('narrows the families to those that can match', () => {
    expect(families('src inet6:*')).toEqual(['inet6'])
    expect(families('src unix:/run/* or sport = inet:22')).toEqual(['inet', 'unix'])
    expect(families('dst 10.0.0.1')).toEqual(['inet', 'inet6'])
    expect(families('dst [::1]')).toEqual(['inet6'])
    expect(families('dst != [::1]')).toEqual(['inet', 'inet6'])
    expect(families('dst example.org')).toEqual(['inet', 'inet6'])
    expect(families('src link:*')).toEqual(['packet'])
    expect(families('path = /x')).toEqual(['unix'])
    expect(families('rtt > 5')).toEqual(['inet', 'inet6'])
    expect(families('not dst 10.0.0.1')).toBeNull()
    expect(families('sport = 22')).toBeNull()
    expect(families('src unix:* and dst 10.0.0.1')).toEqual([])
  })
})

describe('host names', () => {
  it('are listed once each, and only where a look-up is needed', () => {
    expect(hostNames(parseFilter('dst db and (src DB:5 or not dst web.example) or src 10.0.0.1'))).toEqual([
      'db',
      'web.example',
    ])
  })

  it('are replaced by all of their addresses, deep inside', () => {
    const filter = withAddresses(parseFilter('not (dst db or dst other)'), new Map([['db', ['10.0.0.1', '::1']]]))
    expect(filter).toMatchObject({
      term: { terms: [{ host: { kind: 'ip', blocks: [{ version: 4 }, { version: 6 }] } }, { host: { kind: 'name' } }] },
    })
    expect(hostNames(filter)).toEqual(['other'])
  })
})

describe('allOf', () => {
  it('joins filters and drops those that match everything', () => {
    const port = parseFilter('sport = 22')
    expect(allOf([MATCH_ALL, port])).toBe(port)
    expect(matchesEverything(allOf([]))).toBe(true)
    expect(allOf([port, port])).toEqual({ kind: 'and', terms: [port, port] })
  })
})
