import { describe, expect, test } from 'vitest'
import type { LocatedLoss } from '../../src/probe/trace-document.js'
import type { TraceEvent, TraceHeader, TraceReplyEvent } from '../../src/probe/trace-events.js'
import { summarizeTrace } from '../../src/probe/trace-statistics.js'
import { verdictOf } from '../../src/probe/trace-verdict.js'
import { answered, chain, everyFifth, header, ROUTERS, simulate } from './trace-simulation.js'

const TARGET = '10.0.4.2'
const FACTS = { verdicts: new Map(), localError: null, probes: 10, late: 0, maxTtl: 30 }
const tcp = header(TARGET, { protocol: 'tcp', transport: 'tcp', port: 443 })

/** One round in which each hop answers, the last with these fields. */
function verdict(
  last: Partial<TraceReplyEvent>,
  given: TraceHeader = header(),
  fields: Partial<TraceReplyEvent>[] = [],
): string[] {
  const events = ROUTERS.slice(0, 4).map((from, at) =>
    answered({ ttl: at + 1, from, rttMs: 0.1, ...fields[at], ...(at === 3 ? last : {}) }),
  )
  return [...summarizeTrace(events, given).verdict]
}

describe('the verdict', () => {
  test('of a clean path is its length, its time and that nothing was lost', () => {
    expect(verdict({ answer: 'echo-reply' })).toEqual(['reached in 4 hops, 0.1 ms', 'no loss'])
  })

  test('of a target next door has one hop', () => {
    const events = [answered({ ttl: 1, from: TARGET, answer: 'echo-reply', rttMs: 12.3456 })]
    expect(summarizeTrace(events, header()).verdict).toEqual(['reached in 1 hop, 12.3 ms', 'no loss'])
  })

  test.each([
    ['syn-ack', 'port 443 is open'],
    ['refused', 'port 443 is refused by a reset from 10.0.4.2'],
    ['port-unreachable', 'port 443 is refused by an ICMP error from 10.0.4.2'],
  ] as const)('of a TCP port that answers with %s says so', (answer, sentence) => {
    expect(verdict({ answer }, tcp)).toContain(sentence)
  })

  test("of a filter that speaks names who said it, in ping's words", () => {
    const said = { answer: 'unreachable', from: '10.0.3.2', type: 3, code: 13 } as const
    expect(verdict(said, tcp)[0]).toBe('port 443 is filtered by 10.0.3.2: Packet filtered')
    expect(verdict({ ...said, code: 13 })[0]).toBe('10.0.3.2 refuses probes at hop 4: Packet filtered')
    // A host that is not there is refused by nobody.
    expect(verdict({ ...said, code: 1 })[0]).toBe('10.0.3.2 cannot reach the target: Destination Host Unreachable')
  })

  test('of silence beyond a hop names the last that answers', () => {
    const hops = chain(4)
    hops[3]!.silent = true
    const found = summarizeTrace(simulate({ hops, rounds: 3 }), header()).verdict
    expect(found[0]).toBe(
      'nothing answers beyond hop 3 (10.0.3.2): the target is silent, or probes are filtered or lost there',
    )
    expect(found[1]).toBe('no loss up to hop 3 (10.0.3.2)')
  })

  test('of a path that was not followed to its end says so', () => {
    const hops = chain(4)
    const found = summarizeTrace(simulate({ hops, rounds: 3, horizon: 2 }), header(TARGET, { maxTtl: 2 })).verdict
    expect(found[0]).toBe('stopped at hop 2 (10.0.2.2) (--max-ttl 2): the target may be farther away')
    const behind = [answered({ ttl: 6, from: TARGET, answer: 'echo-reply', rttMs: 1 })]
    expect(summarizeTrace(behind, header(TARGET, { firstTtl: 6 })).verdict[0]).toBe('reached within 6 hops, 1 ms')
  })

  test('of answers that came too late says what would time them', () => {
    const late = [1, 2].map(round => answered({ event: 'late', ttl: 1, round, from: TARGET, answer: 'echo-reply' }))
    expect(summarizeTrace(late, header()).verdict).toContain(
      '2 answers came after the timeout: a longer one (-w) tells how long answers take',
    )
  })

  test('of silence everywhere says so', () => {
    const hops = chain(3).map(hop => ({ ...hop, silent: true }))
    expect(summarizeTrace(simulate({ hops, rounds: 3 }), header()).verdict).toEqual([
      'nothing answers, not even the first hop: probes may be filtered, or limits on answers used up for some seconds',
    ])
  })

  test('of a host without a route is what its kernel said', () => {
    const refusal: TraceEvent = {
      event: 'error',
      origin: 'local',
      purpose: 'round',
      ttl: 1,
      flow: 0,
      round: 1,
      sequence: 1,
      atMs: 0,
      reason: 'Network is unreachable',
      errno: 'ENETUNREACH',
      mtu: null,
    }
    expect(summarizeTrace([refusal], header()).verdict).toEqual(['nothing could be sent: Network is unreachable'])
  })

  test('of located loss has both neighbours', () => {
    const hops = chain(4)
    hops[2]!.drops = everyFifth()
    expect(summarizeTrace(simulate({ hops, rounds: 100 }), header()).verdict).toContain(
      '20 % lost between hop 2 (10.0.2.2) and hop 3 (10.0.3.2)',
    )
  })

  test('of loss on the first link begins at this host, and names flows, and what is not verified', () => {
    const clean = summarizeTrace([answered({ ttl: 1, from: TARGET, answer: 'echo-reply' })], header())
    const loss: LocatedLoss[] = [{ afterTtl: 0, beforeTtl: 1, percent: 12.5, verified: false, flows: [1, 2, 5] }]
    const found = verdictOf({ ...clean, loss }, FACTS)
    expect(found).toContain('12.5 % lost between this host and hop 1 (10.0.4.2) in flows 1, 2 and 5 (not verified)')
  })

  test('of loss somewhere among hops that limit their answers says what would tell more, and clears none of them', () => {
    const hops = chain(4).map((hop, at) => ({ ...hop, limited: at < 2 }))
    const clean = summarizeTrace(simulate({ hops, rounds: 30, verify: true }), header())
    const loss: LocatedLoss[] = [{ afterTtl: 0, beforeTtl: 3, percent: 20, verified: true, flows: null }]
    expect(verdictOf({ ...clean, loss }, FACTS)).toEqual([
      'reached in 4 hops, 4 ms',
      '20 % lost between this host and hop 3 (10.0.3.2); hops in between can be asked once a second only: a longer run tells more',
      'hops 1 and 2 limit their answers (verified: slowed probes are answered)',
    ])
  })

  test('of little loss has no place', () => {
    const hops = chain(2)
    let count = 0
    hops[1]!.drops = () => ++count === 4
    expect(summarizeTrace(simulate({ hops, rounds: 10 }), header('10.0.2.2')).verdict).toContain(
      '1 of 10 probes lost on the way to hop 2 (10.0.2.2): too few to say where',
    )
  })

  test('of limits says whether they are verified', () => {
    const hops = chain(4).map((hop, at) => ({ ...hop, limited: at < 2 }))
    expect(summarizeTrace(simulate({ hops, rounds: 30, verify: true }), header()).verdict).toEqual([
      'reached in 4 hops, 4 ms',
      'no loss',
      'hops 1 and 2 limit their answers (verified: slowed probes are answered): no loss there',
    ])
    const likely = summarizeTrace(simulate({ hops: [{ ...hops[0]!, limited: true }, hops[3]!], rounds: 30 }), header())
    // Six at once and one a second: of 30 in 2.9 s the seventh goes 100 ms x 10 after the first, and so on.
    const { sent, received } = likely.hops[0]!
    expect(likely.verdict).toContain(
      `hop 1 left ${sent - received} of 30 probes unanswered: deeper hops answer, so it probably limits its answers (not verified)`,
    )
  })

  test('of a UDP target that may limit its answers claims no loss and no absence of it', () => {
    const hops = chain(2, 'port-unreachable').map((hop, at) => ({ ...hop, limited: at === 1 }))
    const document = summarizeTrace(
      simulate({ hops, rounds: 30 }),
      header('10.0.2.2', { protocol: 'udp', port: 33434 }),
    )
    expect(document.verdict.join()).not.toContain('no loss')
    expect(document.verdict).toContainEqual(
      expect.stringContaining('it may limit its answers, or they were lost (not verified)'),
    )
  })

  const silence = (ttl: number, round: number): TraceEvent => ({
    event: 'timeout',
    purpose: 'round',
    ttl,
    flow: 0,
    round,
    sequence: 1,
    atMs: 0,
  })
  const udp = header(TARGET, { protocol: 'udp', port: 33434 })
  const closed = { from: TARGET, answer: 'port-unreachable', type: 3, code: 3, rttMs: 1 } as const
  const routers = (ttls: number[], rounds: number[]): TraceEvent[] =>
    rounds.flatMap(round => ttls.map(ttl => answered({ ttl, round, from: ROUTERS[ttl - 1]! })))

  test('of a UDP target that left two of three unanswered claims neither loss nor its absence', () => {
    const events = [...routers([1], [1, 2, 3]), answered({ ...closed, ttl: 2, round: 1 }), silence(2, 2), silence(2, 3)]
    expect(summarizeTrace(events, udp).verdict).toEqual([
      'reached in 2 hops, 1 ms',
      '2 of 3 probes unanswered at the target: too few to tell loss from a limit',
    ])
  })

  test('of a last router that left two of three unanswered, likewise', () => {
    const events = [...routers([1], [1, 2, 3]), ...routers([2], [1]), silence(2, 2), silence(2, 3)]
    expect(summarizeTrace(events, udp).verdict).toContain(
      '2 of 3 probes unanswered at hop 2 (10.0.2.2): too few to tell loss from a limit',
    )
  })

  test('of an echo target that left one of ten unanswered is loss', () => {
    const echo = (round: number) => answered({ from: TARGET, answer: 'echo-reply', ttl: 1, round })
    const events = [...[1, 2, 3, 4, 5, 6, 7, 8, 9].map(echo), silence(1, 10)]
    expect(summarizeTrace(events, header()).verdict).toContain(
      '1 of 10 probes lost on the way to hop 1 (10.0.4.2): too few to say where',
    )
  })

  test('of hops with stars that deeper ones have not says whose they are', () => {
    const echo = (round: number) => answered({ from: TARGET, answer: 'echo-reply', ttl: 3, round })
    const stars = [silence(1, 2), silence(1, 3), silence(2, 2), silence(2, 3)]
    const verdict = summarizeTrace([...routers([1, 2], [1]), ...[1, 2, 3].map(echo), ...stars], header()).verdict
    expect(verdict.slice(1)).toEqual([
      'no loss',
      'hops 1 and 2 each left 2 of 3 probes unanswered that deeper hops answered',
    ])
  })

  test('of a UDP target that answers now and then does not say that silent hops right before it are hops', () => {
    const rounds = [1, 2, 3, 4]
    const events = [
      ...routers([1], rounds),
      ...rounds.flatMap(round => [3, 4].map(ttl => silence(ttl, round))),
      ...routers([2], [1]),
      answered({ ...closed, ttl: 5, round: 1 }),
      ...[2, 3, 4].map(round => silence(5, round)),
    ]
    const found = summarizeTrace(events, udp).verdict
    expect(found[0]).toBe('reached within 5 hops, 1 ms')
    expect(found).toContain('hops 3 and 4 may be the target itself, which may limit its answers')
    expect(found.join()).not.toContain('traffic passes')
  })

  test('of silent hops before a UDP target that answers all, or slowed probes only where it is, says that traffic passes', () => {
    const rounds = [1, 2, 3, 4]
    const hops = [...routers([1], rounds), ...rounds.map(round => silence(2, round))]
    const all = [...hops, ...rounds.map(round => answered({ ...closed, ttl: 3, round }))]
    expect(summarizeTrace(all, udp).verdict).toContain('hop 2 does not answer probes; traffic passes')
    const verified = (ttl: number, verdict: 'silent' | 'rate-limited'): TraceEvent => ({
      event: 'verified',
      ttl,
      atMs: 0,
      verdict,
      sent: 4,
      received: verdict === 'silent' ? 0 : 4,
    })
    const tested = [
      ...hops,
      answered({ ...closed, ttl: 3 }),
      ...[2, 3, 4].map(round => silence(3, round)),
      ...[1, 2, 3, 4].map(() => answered({ ...closed, ttl: 3, round: 0, purpose: 'slow' })),
      verified(2, 'silent'),
      verified(3, 'rate-limited'),
    ]
    const found = summarizeTrace(tested, udp).verdict
    expect(found[0]).toBe('reached in 3 hops, 1 ms')
    expect(found).toContain('hop 2 does not answer probes; traffic passes')
  })

  test('of a translated probe and a changed DSCP names the hop', () => {
    const quoted = (tos: number, translated: boolean): Partial<TraceReplyEvent> => ({
      quoted: { tos, ttl: 1, translated, source: null, destination: null },
    })
    // Expedited forwarding is 46 (RFC 3246): 184 as TOS.
    const found = verdict({ answer: 'echo-reply' }, header(), [quoted(184, false), quoted(0, false), quoted(1, true)])
    expect(found).toContain('DSCP changed at hop 2: 46 became 0')
    expect(found).toContain('ECN bits changed at hop 3: 0 became 1')
    expect(found).toContain('a NAT is before hop 3 (10.0.3.2): it saw another source, port or checksum than was sent')
  })

  test('passes addresses on as they are', () => {
    expect(verdict({ answer: 'unreachable', from: 'fe80::1%e\u001b[31m', type: 3, code: 1 })[0]).toContain('\u001b[31m')
  })
})
