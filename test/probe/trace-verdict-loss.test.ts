// What is said of loss where flows go several ways, where probes are unanswered at the end, and where they never left.

import { describe, expect, test } from 'vitest'
import type { TraceEvent } from '../../src/probe/trace-events.js'
import { placeOfFlows } from '../../src/probe/trace-hop-names.js'
import { summarizeTrace } from '../../src/probe/trace-statistics.js'
import { milliseconds } from '../../src/probe/trace-words.js'
import { traceDot } from '../../src/render/trace-dot.js'
import { flowLines } from '../../src/render/trace-sections.js'
import { begin, chain, TARGET as FAR, trace } from './trace-network.js'
import { answered, header, random, randomly } from './trace-simulation.js'

const TARGET = '10.0.4.2'
const silence = (ttl: number, round: number, flow: number): TraceEvent => ({
  event: 'timeout',
  purpose: 'round',
  ttl,
  flow,
  round,
  sequence: 1,
  atMs: 0,
})

/** Even flows go by one branch, and odd ones by the other, which loses packets. */
function diamond(rounds: number): TraceEvent[] {
  const drops = randomly(0.3, random(7))
  const events: TraceEvent[] = []
  for (let round = 1; round <= rounds; round++) {
    for (let flow = 0; flow < 8; flow++) {
      const path = ['10.0.1.2', `10.0.2${1 + (flow % 2)}.2`, `10.0.3${1 + (flow % 2)}.2`, TARGET]
      for (const [at, from] of path.entries()) {
        const answer = from === TARGET ? 'echo-reply' : 'time-exceeded'
        const ttl = at + 1
        if (flow % 2 === 1 && at > 1 && drops()) events.push(silence(ttl, round, flow))
        else events.push(answered({ ttl, round, flow, from, answer }))
      }
    }
  }
  return events
}

describe('loss on one branch of several', () => {
  const document = summarizeTrace(diamond(40), header(TARGET, { flowValues: [0, 1, 2, 3, 4, 5, 6, 7] }))

  test('is between the routers that the lossy flows saw', () => {
    expect(document.loss).toMatchObject([{ afterTtl: 2, beforeTtl: 3, flows: [1, 3, 5, 7] }])
    expect(document.verdict).toContainEqual(
      expect.stringMatching(/ lost between hop 2 \(10\.0\.22\.2\) and hop 3 \(10\.0\.32\.2\) in flows 1, 3, 5 and 7$/),
    )
  })

  test('is on the edge of the graph that has it, and on no other', () => {
    const edges = traceDot(document).filter(line => line.includes('->'))
    const lossy = edges.filter(line => / [1-9][\d.]*% loss| [1-9][\d.]*% loss/.test(line.replaceAll('\\n', ' ')))
    expect(lossy.map(line => line.split(' [')[0]!.trim())).toEqual([
      '"2 10.0.22.2" -> "3 10.0.32.2"',
      '"3 10.0.32.2" -> "4 10.0.4.2"',
    ])
    expect(lossy[1]).toContain('loss in all')
  })

  test('of all flows has the routers of all of them', () => {
    expect(placeOfFlows(2, null, document)).toBe('hop 2 (10.0.21.2 or 10.0.22.2)')
    expect(placeOfFlows(2, [3], document)).toBe('hop 2 (10.0.22.2)')
    expect(placeOfFlows(0, null, document)).toBe('this host')
  })
})

describe('a target that leaves probes of flows unanswered', () => {
  const closed = { from: TARGET, answer: 'port-unreachable', type: 3, code: 3, rttMs: 1 } as const
  const udp = header(TARGET, { protocol: 'udp', port: 33434, flowValues: Array.from({ length: 16 }, () => 1) })
  const events = Array.from({ length: 48 }, (_, at) => ({ flow: at % 16, round: 1 + Math.floor(at / 16) })).flatMap(
    ({ flow, round }) => [
      answered({ ttl: 1, flow, round, from: '10.0.1.2' }),
      round === 3 && flow < 7 ? silence(2, round, flow) : answered({ ...closed, ttl: 2, flow, round }),
    ],
  )
  const document = summarizeTrace(events, udp)

  test('has no sentence that nothing was lost', () => {
    expect(document.verdict.join()).not.toContain('no loss')
    expect(document.verdict.join()).toMatch(/7 of 48 probes/)
  })

  test('has no flow with unanswered probes whose loss is said to be nothing', () => {
    expect(document.flows!.map(({ lossPercent }) => lossPercent)).toEqual([
      ...Array.from({ length: 7 }, () => null),
      ...Array.from({ length: 9 }, () => 0),
    ])
    expect(flowLines(document)[0]).toContain('0% loss, 7 of 21 unanswered, avg')
  })

  test('a flow that has not come to the target where others have is not known to lose nothing', () => {
    const late = [...events, answered({ ttl: 1, flow: 16, round: 1, from: '10.0.1.2' })]
    expect(summarizeTrace(late, udp).flows![16]).toMatchObject({ reached: false, lossPercent: null })
  })
})

describe('probes that could not be sent', () => {
  const ENETUNREACH = 101

  test('are counted and told, and nothing is said of loss but of those that were', async () => {
    const traced = begin(
      { stages: chain(3), refuses: sequence => (sequence > 20 ? ENETUNREACH : 0) },
      { rounds: 6, intervalMs: 1000, patient: true, verify: false },
    )
    await traced.pass(60_000)
    const { unsent, verdict } = summarizeTrace(traced.events, traced.run.header)
    const sent = traced.events.filter(({ event }) => event === 'sent').length
    expect(unsent).toBe(sent - 20)
    expect(verdict).toEqual(
      expect.arrayContaining([`${sent - 20} of ${sent} probes could not be sent: network is unreachable`]),
    )
    expect(verdict).toContain('no loss of the probes that were sent')
    expect(verdict).not.toContain('no loss')
  })
})

test('a path over TCP that nobody answers on is told as one of ICMP, with the hops that were asked', async () => {
  const stages = chain(3, () => ({ isSilent: true }))
  const traced = await trace({ stages, protocol: 'tcp', answers: false }, { verify: false })
  const document = summarizeTrace(traced.events, traced.run.header)
  expect(document.verdict).toEqual([expect.stringContaining('nothing answers, not even the first hop')])
  expect(document.hops.map(({ ttl }) => ttl)).toEqual(Array.from({ length: 30 }, (_, at) => at + 1))
  expect(document.hops.every(({ sent, received }) => sent > 0 && received === 0)).toBe(true)
  expect(document.address).toBe(FAR)
})

test('numbers in sentences are rounded once, to three digits and microseconds at most', () => {
  const shown = [0.021543, 0.0165, 0.9996, 1.2345, 12.3456, 123.456, 1234.5].map(milliseconds)
  expect(shown).toEqual(['0.022 ms', '0.017 ms', '1 ms', '1.23 ms', '12.3 ms', '123 ms', '1235 ms'])
})
