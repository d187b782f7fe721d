// The path at one look: lines as traceroute prints them (their form is that of Butskoy's traceroute 2.1.2), in order, and early.

import { describe, expect, test } from 'vitest'
import type { TraceEvent } from '../../src/probe/trace-events.js'
import { TracePathText } from '../../src/render/trace-path-text.js'
import { icmpMark } from '../../src/render/trace-words.js'
import {
  AT_MS,
  document,
  echoReply,
  HOSTILE,
  header,
  reply,
  roundOver,
  SHOWN_HOSTILE,
  sent,
  timeout,
} from './trace-documents.js'

function open(
  fields: { verify?: boolean; probes?: number; numeric?: boolean; names?: Record<string, string>; place?: string } = {},
) {
  const lines: string[] = []
  const { verify = false, probes = 3, numeric = false, names = {}, place = '' } = fields
  const text = new TracePathText(
    { header: header(), probes, verify, numeric, nameOf: address => names[address] ?? null, placeOf: () => place },
    { write: part => lines.push(part), line: line => lines.push(line) },
  )
  const tell = (...events: TraceEvent[]): void => {
    for (const event of events) text.event(event)
  }
  const end = (verdict: string[] = []): string[] => {
    text.end(document([], { verdict }))
    return lines
  }
  return { text, lines, tell, end }
}

/** Three rounds at a hop, each answered after so many milliseconds, or not. */
function hop(ttl: number, from: string, times: readonly (number | null)[], fields = {}): TraceEvent[] {
  return times.flatMap((ms, index) => {
    const which = { ttl, round: index + 1 }
    return [sent(which), ms === null ? timeout(which) : reply(which, from, ms, fields)]
  })
}

describe('the path', () => {
  test('begins with what is traced, and how', () => {
    const { text, lines } = open()
    text.begin()
    expect(lines).toEqual(['trace to bee (10.0.3.2), 30 hops max, 60 byte packets, icmp, unprivileged'])
  })

  test('has a line for each hop in the form of traceroute', () => {
    const { tell, end } = open({ names: { '10.0.0.1': 'gate' } })
    tell(...hop(1, '10.0.0.1', [0.041, 0.033, 0.03]), ...hop(2, '10.0.1.1', [1.5, null, 12.3456]))
    tell(...[1, 2, 3].map(round => echoReply({ ttl: 3, round }, '10.0.3.2', 20)))
    expect(end(['reached'])).toEqual([
      ' 1  gate (10.0.0.1)  0.041 ms  0.033 ms  0.030 ms',
      ' 2  10.0.1.1 (10.0.1.1)  1.500 ms *  12.346 ms',
      ' 3  10.0.3.2 (10.0.3.2)  20.000 ms  20.000 ms  20.000 ms',
      'reached',
    ])
  })

  test('has addresses alone with -n', () => {
    const { tell, end } = open({ numeric: true, names: { '10.0.0.1': 'gate' } })
    tell(...hop(1, '10.0.0.1', [1, 2, 3]))
    expect(end()).toEqual([' 1  10.0.0.1  1.000 ms  2.000 ms  3.000 ms'])
  })

  test('names each responder of a hop where it answers', () => {
    const { tell, end } = open({ numeric: true })
    tell(reply({ ttl: 1, round: 1 }, '10.0.0.1', 1), reply({ ttl: 1, round: 2 }, '10.0.0.9', 2))
    tell(reply({ ttl: 1, round: 3 }, '10.0.0.9', 3))
    expect(end()).toEqual([' 1  10.0.0.1  1.000 ms 10.0.0.9  2.000 ms  3.000 ms'])
  })

  test('is printed as soon as a hop and all before it are known', () => {
    const { tell, lines } = open({ numeric: true })
    tell(...hop(2, '10.0.1.1', [1, 1, 1]))
    expect(lines).toEqual([])
    tell(...hop(1, '10.0.0.1', [1, 1]))
    expect(lines).toEqual([])
    tell(reply({ ttl: 1, round: 3 }, '10.0.0.1', 1))
    expect(lines).toEqual([' 1  10.0.0.1  1.000 ms  1.000 ms  1.000 ms', ' 2  10.0.1.1  1.000 ms  1.000 ms  1.000 ms'])
  })

  test('does not wait for a hop that has left the rounds', () => {
    const { tell, lines } = open({ numeric: true })
    tell(...hop(1, '10.0.0.1', [1, null]))
    tell(roundOver(1, []), roundOver(2, []))
    expect(lines).toEqual([])
    tell(roundOver(3, []))
    expect(lines).toEqual([' 1  10.0.0.1  1.000 ms *'])
  })

  test('shows silent hops before one that answers, and those at the end in one line', () => {
    const { tell, end } = open({ numeric: true })
    tell(...hop(1, '', [null, null, null]), ...hop(2, '10.0.1.1', [1, 1, 1]))
    for (let ttl = 3; ttl <= 30; ttl++) tell(...hop(ttl, '', [null, null, null]))
    expect(end()).toEqual([' 1  * * *', ' 2  10.0.1.1  1.000 ms  1.000 ms  1.000 ms', ' 3-30  * * *'])
  })

  test('shows that scouts went unanswered where nobody answered any', () => {
    const { tell, end } = open({ numeric: true })
    for (let ttl = 1; ttl <= 30; ttl++) {
      const which = { ttl, round: 0, flow: 1000 + ttl }
      tell({ ...sent(which), purpose: 'scout' } as TraceEvent, { ...timeout(which), purpose: 'scout' } as TraceEvent)
    }
    expect(end()).toEqual([' 1-30  *'])
  })

  test('waits for the slowed probes of a silent hop before one that answers, and shows their answers', () => {
    const { tell, lines } = open({ numeric: true, verify: true })
    tell(...hop(1, '', [null, null, null]), ...hop(2, '', [null, null, null]), ...hop(3, '10.0.2.1', [1, 1, 1]))
    expect(lines).toEqual([])
    tell(reply({ ttl: 1, round: 0 }, '10.0.0.1', 0.5, { purpose: 'slow' }))
    expect(lines).toEqual([])
    tell({ event: 'verified', ttl: 2, atMs: AT_MS, verdict: 'silent', sent: 2, received: 0 })
    expect(lines).toEqual([' 1  * * * 10.0.0.1  0.500 ms', ' 2  * * *', ' 3  10.0.2.1  1.000 ms  1.000 ms  1.000 ms'])
  })

  test('does not wait for slowed probes to hops behind the last that answers', () => {
    const { tell, end } = open({ numeric: true, verify: true })
    tell(...hop(1, '10.0.0.1', [1, 1, 1]), ...hop(2, '', [null, null, null]), ...hop(3, '', [null, null, null]))
    tell(reply({ ttl: 2, round: 0 }, '10.0.1.1', 0.5, { purpose: 'slow' }))
    expect(end()).toEqual([' 1  10.0.0.1  1.000 ms  1.000 ms  1.000 ms', ' 2  * * * 10.0.1.1  0.500 ms', ' 3  * * *'])
  })

  test('ends where a slowed probe is refused, although a deeper one was refused first', () => {
    const { tell, end } = open({ numeric: true, verify: true })
    const refused = { answer: 'unreachable', type: 3, code: 1, reason: 'Destination Host Unreachable' } as const
    tell(...hop(1, '10.0.0.1', [1, 1, 1]), ...hop(2, '', [null, null, null]), ...hop(3, '', [null, null, null]))
    tell(...hop(4, '10.0.1.1', [1, null, null], refused))
    tell(reply({ ttl: 2, round: 0 }, '10.0.1.1', 0.5, { purpose: 'slow', ...refused }))
    tell({ event: 'verified', ttl: 3, atMs: AT_MS, verdict: 'silent', sent: 2, received: 0 })
    expect(end()).toEqual([
      ' 1  10.0.0.1  1.000 ms  1.000 ms  1.000 ms',
      ' 2  * * * 10.0.1.1  0.500 ms !H',
      '!H  Destination Host Unreachable',
    ])
  })

  test('ends with the target, whatever was sent beyond it', () => {
    const { tell, end } = open({ numeric: true, probes: 1 })
    tell(echoReply({ ttl: 1 }, '10.0.3.2', 1), echoReply({ ttl: 2 }, '10.0.3.2', 1), sent({ ttl: 3 }))
    expect(end()).toEqual([' 1  10.0.3.2  1.000 ms'])
  })

  test('has no star for a probe that was under way when it was interrupted', () => {
    const { tell, end } = open({ numeric: true })
    tell(...hop(1, '10.0.0.1', [1, 1]), sent({ ttl: 1, round: 3 }), sent({ ttl: 2 }), sent({ ttl: 3 }))
    expect(end()).toEqual([' 1  10.0.0.1  1.000 ms  1.000 ms'])
  })

  test('shows a late answer whose line is not printed yet, and no duplicate', () => {
    const { tell, end } = open({ numeric: true, probes: 2 })
    tell(timeout({ ttl: 1 }), reply({ ttl: 1 }, '10.0.0.1', 300, { event: 'late' }))
    tell(reply({ ttl: 1 }, '10.0.0.2', 1, { event: 'duplicate' }), reply({ ttl: 1, round: 2 }, '10.0.0.1', 1))
    expect(end()).toEqual([' 1  10.0.0.1  300.000 ms  1.000 ms'])
  })

  test('leaves out other flows, slowed probes and scouts', () => {
    const { tell, end } = open({ numeric: true, probes: 1 })
    tell(reply({ ttl: 1, flow: 1 }, '10.0.0.7', 1), reply({ ttl: 1, round: 0 }, '10.0.0.8', 1, { purpose: 'slow' }))
    tell(reply({ ttl: 1, round: 0, flow: 1000 }, '10.0.0.9', 1, { purpose: 'scout' }), reply({ ttl: 1 }, '10.0.0.1', 1))
    expect(end()).toEqual([' 1  10.0.0.1  1.000 ms'])
  })

  test('says what this host refused to send', () => {
    const { tell, end } = open({ numeric: true, probes: 1 })
    const { answer, from, rttMs, ...rest } = reply({ ttl: 1 }, '', null)
    tell({ ...rest, event: 'error', origin: 'local', reason: 'Message too long', errno: 'EMSGSIZE' })
    expect(end()).toEqual([' 1  !(Message too long)'])
  })

  test('marks what was unreachable, ends there, and gives the words', () => {
    const { tell, end } = open({ numeric: true })
    const prohibited = { answer: 'unreachable', type: 3, code: 13, reason: 'Packet filtered' } as const
    tell(...hop(1, '10.0.0.1', [1, 1, 1], prohibited), ...hop(2, '10.0.0.1', [1, 1, 1], prohibited))
    expect(end(['filtered'])).toEqual([
      ' 1  10.0.0.1  1.000 ms !X  1.000 ms !X  1.000 ms !X',
      '!X  Packet filtered',
      'filtered',
    ])
  })

  test('shows labels as traceroute -e does, and interfaces, where they change', () => {
    const { tell, end } = open({ numeric: true, place: '[AS64500]' })
    const label = (ttl: number) => ({ mpls: [{ label: 16, trafficClass: 0, bottom: true, ttl }] })
    const interfaces = [{ role: 'incoming' as const, index: 2, address: '10.0.0.1', name: HOSTILE, mtu: 1500 }]
    tell(reply({ ttl: 1, round: 1 }, '10.0.0.1', 1, label(1)), reply({ ttl: 1, round: 2 }, '10.0.0.1', 1, label(1)))
    tell(reply({ ttl: 1, round: 3 }, '10.0.0.1', 1, { interfaces }))
    expect(end()).toEqual([
      ` 1  10.0.0.1 [AS64500] <MPLS:L=16,E=0,S=1,T=1>  1.000 ms  1.000 ms 10.0.0.1 [AS64500] <incoming ${SHOWN_HOSTILE} 10.0.0.1 #2 mtu 1500>  1.000 ms`,
    ])
  })

  test('lets no name from the network reach the terminal as it is', () => {
    const { tell, end } = open({ names: { '10.0.0.1': HOSTILE } })
    tell(...hop(1, '10.0.0.1', [1, 1, 1]))
    expect(end([HOSTILE])).toEqual([` 1  ${SHOWN_HOSTILE} (10.0.0.1)  1.000 ms  1.000 ms  1.000 ms`, SHOWN_HOSTILE])
  })
})

// traceroute(8): !H, !N, or !P (host, network or protocol unreachable), !S (source route failed), !F (fragmentation needed),
// !X (communication administratively prohibited), !V (host precedence violation), !C (precedence cutoff in effect), or
// !<num> (ICMP unreachable code <num>).
test.each<[4 | 6, number, number, number | null, string]>([
  [4, 11, 0, null, ''],
  [4, 3, 0, null, '!N'],
  [4, 3, 1, null, '!H'],
  [4, 3, 2, null, '!P'],
  [4, 3, 3, null, ''],
  [4, 3, 4, 1400, '!F-1400'],
  [4, 3, 5, null, '!S'],
  [4, 3, 9, null, '!X'],
  [4, 3, 10, null, '!X'],
  [4, 3, 13, null, '!X'],
  [4, 3, 14, null, '!V'],
  [4, 3, 15, null, '!C'],
  [4, 3, 16, null, '!<16>'],
  [4, 11, 1, null, '!<11-1>'],
  [4, 12, 0, null, '!<12-0>'],
  [6, 3, 0, null, ''],
  [6, 1, 0, null, '!N'],
  [6, 1, 1, null, '!X'],
  [6, 1, 2, null, '!H'],
  [6, 1, 3, null, '!H'],
  [6, 1, 4, null, ''],
  [6, 1, 6, null, '!<6>'],
  [6, 2, 0, 1280, '!F-1280'],
  [6, 4, 1, null, '!<4-1>'],
])('IPv%i type %i code %i mtu %s is marked "%5$s"', (family, type, code, mtu, mark) => {
  expect(icmpMark(family, type, code, mtu)).toBe(mark)
})
