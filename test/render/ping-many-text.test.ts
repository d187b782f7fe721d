// The text of many targets: fping's job. Verdict lines of a single round begin with fping 5.1's words.

import { describe, expect, test } from 'vitest'
import type { AnsweredOnce, ProbeEvent, ProbeTarget } from '../../src/probe/events.js'
import { PingManyText, type PingManyTextOptions } from '../../src/render/ping-many-text.js'
import { AT_MS, icmpError, localError, reply, rtt, Sink, sent, summary, target, timeout } from './ping-events.js'

const PLAIN: PingManyTextOptions = {
  protocol: 'icmp',
  filter: 'all',
  single: true,
  quiet: false,
  timestamps: false,
  verbose: false,
  nameOf: () => null,
}

const near = target('10.0.1.2', { index: 0, target: 'bee' })
const dead = target('10.0.0.99', { index: 1 })
const mute = target('10.0.0.98', { index: 2 })
const TARGETS = [near, dead, mute]

const one = (of: ProbeTarget, received: 0 | 1, more = {}): ProbeEvent =>
  summary(of, {
    received,
    lossPercent: received === 1 ? 0 : 100,
    rttMs: received === 1 ? rtt(0.05, 0.05, 0.05, 0) : null,
    ...more,
  })

const ROUND: readonly ProbeEvent[] = [
  sent(near, 1),
  sent(dead, 1),
  sent(mute, 1),
  reply(near, 1, 0.05),
  icmpError(dead, 1, '10.0.0.1', 'Destination Host Unreachable', { atMs: AT_MS + 500 }),
  timeout(mute, 1, { atMs: AT_MS + 1500 }),
  one(near, 1),
  one(dead, 0, { errors: 1 }),
  one(mute, 0),
]

/** What the text of a round of one probe each needs no summary of. */
const together = (events: readonly ProbeEvent[]): AnsweredOnce => {
  const times = events.flatMap(event => (event.event === 'summary' ? [event.statistics.rttMs!.avg] : []))
  const sumMs = times.reduce((sum, ms) => sum + ms, 0)
  const [minMs, maxMs] = [Math.min(...times), Math.max(...times)]
  return { transport: 'datagram', timestampSource: 'kernel', targets: times.length, sumMs, minMs, maxMs }
}

function show(
  options: Partial<PingManyTextOptions>,
  events: readonly ProbeEvent[],
  targets: readonly ProbeTarget[] = TARGETS,
) {
  const out = new Sink()
  const err = new Sink()
  const text = new PingManyText({ ...PLAIN, ...options }, out, err)
  text.begin(targets)
  for (const event of events) text.event(event)
  const before = out.lines
  text.end()
  return { before, lines: out.lines, err: err.lines }
}

describe('a round of one probe each', () => {
  test('says the same of those who answered, together or one by one', () => {
    const bees = Array.from({ length: 5 }, (_, index) => target(`10.0.1.${index + 2}`, { index }))
    const summaries = bees.map((bee, at) => one(bee, 1, { rttMs: rtt(at, at, at, 0) }))
    const replies = bees.map((bee, at) => reply(bee, 1, at))
    const [out, err] = [new Sink(), new Sink()]
    const text = new PingManyText(PLAIN, out, err)
    text.begin(bees)
    for (const event of replies) text.event(event)
    text.answered(together(summaries))
    text.end()
    const expected = show({}, [...replies, ...summaries], bees)
    expect({ lines: out.lines, err: err.lines }).toEqual({ lines: expected.lines, err: expected.err })
  })

  test('has a verdict a target: at once for who answers, with the reason for who does not', () => {
    const { before, lines } = show({}, ROUND)
    expect(before).toEqual(['bee (10.0.1.2) is alive (0.050 ms)'])
    expect(lines).toEqual([
      'bee (10.0.1.2) is alive (0.050 ms)',
      '10.0.0.99 is unreachable: Destination Host Unreachable from 10.0.0.1',
      '10.0.0.98 is unreachable: no answer',
    ])
  })

  test('has totals on stderr', () => {
    expect(show({}, ROUND).err).toEqual([
      'netkit: 3 targets: 1 alive, 2 unreachable',
      'netkit: 3 probes sent, 1 answered, 1 error, 66.7% loss, 1.50 s',
      'netkit: rtt min/avg/max = 0.050/0.050/0.050 ms over all answers',
      "netkit: probed through an unprivileged ICMP socket (datagram); times from a stamp right before the send to the kernel's receive stamp, with its transmit stamps",
    ])
  })

  test('--alive and --unreachable print such targets only, as they were given', () => {
    expect(show({ filter: 'alive' }, ROUND).lines).toEqual(['bee'])
    expect(show({ filter: 'unreachable' }, ROUND).lines).toEqual(['10.0.0.99', '10.0.0.98'])
  })

  test('-q prints totals only, -D the time of each answer', () => {
    expect(show({ quiet: true }, ROUND).lines).toEqual([])
    expect(show({ timestamps: true }, ROUND).lines[0]).toBe('[1795275911.000000] bee (10.0.1.2) is alive (0.050 ms)')
  })

  test('an answer counts once, whoever gives it and however often', () => {
    const other = { from: '10.0.1.7', differentAddress: true }
    const events = [
      sent(near, 1),
      reply(near, 1, 0.05, other),
      reply(near, 1, 0.06, { event: 'duplicate', ...other }),
      one(near, 1),
    ]
    const { lines } = show({ nameOf: () => 'eve' }, events, [near])
    expect(lines).toEqual(['bee (10.0.1.2) is alive (0.050 ms, answered by eve (10.0.1.7))'])
  })

  test('a late answer does not make a target alive', () => {
    const events = [sent(near, 1), timeout(near, 1), reply(near, 1, 1200, { event: 'late' }), one(near, 0, { late: 1 })]
    const { lines, err } = show({}, events, [near])
    expect(lines).toEqual(['bee (10.0.1.2) is unreachable: its answer came late'])
    expect(err[1]).toContain('1 late')
  })

  test('a run that was stopped says what is not known', () => {
    const events = [
      sent(near, 1),
      summary(near, { received: 0, lossPercent: null }),
      summary(dead, { transmitted: 0, received: 0, lossPercent: null }),
    ]
    expect(show({}, events, [near, dead]).lines).toEqual([
      'bee (10.0.1.2) has not answered yet',
      '10.0.0.99 was not probed',
    ])
  })

  // ip-route(8): types blackhole, prohibit and unreachable answer a send with these.
  test.each([
    ['ENETUNREACH', 'network is unreachable', 'no route from this host (network is unreachable)'],
    ['EINVAL', 'invalid argument', /^no route from this host: .*blackhole/],
    ['EACCES', 'permission denied', /^no route from this host: .*prohibits/],
    ['EHOSTUNREACH', 'no route to host', /^no route from this host: .*unreachable/],
    ['EPERM', 'operation not permitted', 'dropped by the firewall of this host (operation not permitted)'],
    ['ENETDOWN', 'network is down', 'network is down from this host'],
  ])('a refusal of this host, %s, is said to be one, and what it means', (errno, words, meaning) => {
    const events = [sent(dead, 1), localError(dead, 1, errno, words, null), one(dead, 0, { errors: 1 })]
    const line = show({}, events, [near, dead]).lines[1]!
    expect(line.slice(0, 26)).toBe('10.0.0.99 is unreachable: ')
    expect(line.slice(26)).toMatch(meaning)
  })

  test('a TCP port that refuses is alive too', () => {
    const events = [sent(near, 1), reply(near, 1, 0.3, { answer: 'refused', ttl: null }), one(near, 1)]
    expect(show({ protocol: 'tcp' }, events, [near]).lines).toEqual(['bee (10.0.1.2) is alive (0.300 ms, refused)'])
  })

  test('a name without an address is told on stderr and counted', () => {
    const out = new Sink()
    const err = new Sink()
    const text = new PingManyText(PLAIN, out, err)
    text.begin([])
    text.unresolved('no\x1b[31msuch', 'Name or service not known')
    text.end()
    expect(out.text).toBe('')
    expect(err.lines).toEqual([
      'netkit: no\\x1b[31msuch: Name or service not known',
      'netkit: 1 target: 0 alive, 0 unreachable, 1 without an address',
    ])
  })
})

describe('several rounds', () => {
  const times = rtt(0.045, 0.049, 0.052, 0.003)
  const mpls = [{ label: 24, trafficClass: 0, bottom: true, ttl: 1 }]
  const events: readonly ProbeEvent[] = [
    reply(near, 1, 0.045, { ttl: 63 }),
    icmpError(dead, 1, '10.0.0.1', 'Destination Host Unreachable', { mpls }),
    timeout(mute, 1),
    reply(near, 2, 0.052, { ttl: 63 }),
    reply(near, 2, 0.06, { event: 'duplicate', ttl: 63 }),
    reply(near, 1, 0.07, { event: 'late', ttl: 63, corruptedBytes: 2 }),
    icmpError(dead, 2, '10.0.0.1', 'Destination Host Unreachable', { mpls }),
    icmpError(dead, null, '10.0.0.2', 'Packet filtered'),
    timeout(mute, 2),
    summary(near, { transmitted: 2, received: 2, duplicates: 1, late: 1, rttMs: times }),
    summary(dead, { transmitted: 2, received: 0, errors: 3, lossPercent: 100 }),
    summary(mute, { transmitted: 2, received: 0, lossPercent: 100 }),
  ]

  test('have a line a probe and a table', () => {
    expect(show({ single: false }, events).lines).toEqual([
      'bee (10.0.1.2) : icmp_seq=1 64 bytes ttl=63 time=0.045 ms',
      '10.0.0.99      : icmp_seq=1 Destination Host Unreachable from 10.0.0.1',
      '10.0.0.98      : icmp_seq=1 no answer',
      'bee (10.0.1.2) : icmp_seq=2 64 bytes ttl=63 time=0.052 ms',
      'bee (10.0.1.2) : icmp_seq=2 64 bytes ttl=63 time=0.060 ms (duplicate)',
      'bee (10.0.1.2) : icmp_seq=1 64 bytes ttl=63 time=0.070 ms (late) (2 bytes corrupted)',
      '10.0.0.99      : icmp_seq=2 Destination Host Unreachable from 10.0.0.1',
      '10.0.0.99      : Packet filtered from 10.0.0.2',
      '10.0.0.98      : icmp_seq=2 no answer',
      '',
      'Target          Sent  Recv  Loss    Min    Avg    Max  p95 ms  Remarks',
      'bee (10.0.1.2)     2     2    0%  0.045  0.049  0.052   0.052  1 duplicate, 1 late',
      '10.0.0.99          2     0  100%      -      -      -       -  Destination Host Unreachable from 10.0.0.1 (2 times); Packet filtered from 10.0.0.2',
      '10.0.0.98          2     0  100%      -      -      -       -',
    ])
  })

  test('with -q have the table only, and with a filter not even that', () => {
    expect(show({ single: false, quiet: true }, events).lines[0]).toMatch(/^Target/)
    expect(show({ single: false, filter: 'alive' }, events).lines).toEqual(['bee'])
    expect(show({ single: false, filter: 'unreachable' }, events).lines).toEqual(['10.0.0.99', '10.0.0.98'])
  })

  test('with -v tell the MPLS labels of errors', () => {
    expect(show({ single: false, verbose: true }, events).err[0]).toBe(
      'netkit: 10.0.0.1 had a probe of 10.0.0.99 with MPLS labels 24 (TC 0, TTL 1, bottom of the stack)',
    )
  })

  test('tell interim numbers of each target on stderr', () => {
    const err = new Sink()
    const text = new PingManyText(PLAIN, new Sink(), err)
    text.interim([
      summary(near, { transmitted: 3, received: 3, rttMs: times, ewmaMs: 0.048 }),
      summary(dead, { received: 0, lossPercent: 100 }),
    ])
    expect(err.lines).toEqual([
      'netkit: bee (10.0.1.2): 3/3 packets, 0% loss, min/avg/ewma/max = 0.045/0.049/0.048/0.052 ms',
      'netkit: 10.0.0.99: 0/1 packets, 100% loss',
    ])
  })

  test('failures of one target beyond a few are not remembered apart', () => {
    const many = Array.from({ length: 1000 }, (_, at) =>
      icmpError(dead, at + 1, `10.0.${at >> 8}.${at & 255}`, 'Time to live exceeded'),
    )
    const { lines } = show({ single: false, quiet: true }, [...many, summary(dead, { received: 0, lossPercent: 100 })])
    expect(lines.find(line => line.startsWith('10.0.0.99'))!.match(/Time to live/g)).toHaveLength(4)
  })
})
