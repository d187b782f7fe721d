// The text of one target against what ping of iputils 20221126 printed for the same, recorded in network namespaces (address
// 10.0.1.2 behind router 10.0.0.2 and so on; 10.99.0.5 and fd99::5 are hosts of a TUN responder that did what each test says).
// Where that version prints something else on purpose of ours, the test says so.

import { describe, expect, test } from 'vitest'
import type { ProbeEvent, ProbeTarget } from '../../src/probe/events.js'
import { PingText, type PingTextOptions, shownAddresses } from '../../src/render/ping-text.js'
import { AT_MS, icmpError, localError, reply, rtt, Sink, sent, summary, target, timeout } from './ping-events.js'

const PLAIN: PingTextOptions = {
  protocol: 'icmp',
  port: null,
  nameOf: () => null,
  payloadBytes: 56,
  pattern: null,
  ipOptions: false,
  flowLabel: null,
  source: null,
  interface: null,
  broadcast: false,
  quiet: false,
  timestamps: false,
  reportMissing: false,
  flood: false,
  adaptive: false,
  audible: false,
  verbose: false,
  identifier: null,
  columns: null,
}

function show(
  to: ProbeTarget,
  options: Partial<PingTextOptions>,
  events: readonly ProbeEvent[],
): { out: string; err: string[]; lines: string[] } {
  const out = new Sink()
  const err = new Sink()
  const text = new PingText({ ...PLAIN, ...options }, out, err)
  text.begin(to)
  for (const event of events) text.event(event)
  return { out: out.text, err: err.lines, lines: out.lines }
}

const header = (to: ProbeTarget, options: Partial<PingTextOptions> = {}): string => show(to, options, []).out

const bee = target('10.0.1.2')
const bee6 = target('fd00:0:0:1::2')
const tun = target('10.99.0.5')

describe('header', () => {
  const named = target('10.0.1.2', { target: 'bee' })
  const named6 = target('fd00:0:0:1::2', { target: 'bee6alias' })

  test.each<[string, ProbeTarget, Partial<PingTextOptions>, string]>([
    ['IPv4', bee, {}, 'PING 10.0.1.2 (10.0.1.2) 56(84) bytes of data.\n'],
    ['IPv6', bee6, {}, 'PING fd00:0:0:1::2(fd00:0:0:1::2) 56 data bytes\n'],
    [
      'short form of an address',
      target('127.0.0.1', { target: '127.1' }),
      {},
      'PING 127.1 (127.0.0.1) 56(84) bytes of data.\n',
    ],
    ['name', named, { nameOf: () => 'bee' }, 'PING bee (10.0.1.2) 56(84) bytes of data.\n'],
    [
      'canonical name of an IPv4 host',
      target('10.0.1.2', { target: 'beealias' }),
      { hostname: 'bee', nameOf: () => 'bee' },
      'PING bee (10.0.1.2) 56(84) bytes of data.\n',
    ],
    ['IPv6 name', named6, { nameOf: () => 'bee6' }, 'PING bee6alias(bee6 (fd00:0:0:1::2)) 56 data bytes\n'],
    ['IPv6 name with -n', target('fd00:0:0:1::2', { target: 'bee6' }), {}, 'PING bee6(fd00:0:0:1::2) 56 data bytes\n'],
    ['scope', target('fe80::1%dn'), {}, 'PING fe80::1%dn(fe80::1%dn) 56 data bytes\n'],
    ['-s 8', target('127.0.0.1'), { payloadBytes: 8 }, 'PING 127.0.0.1 (127.0.0.1) 8(36) bytes of data.\n'],
    ['-s 8 -6', target('::1'), { payloadBytes: 8 }, 'PING ::1(::1) 8 data bytes\n'],
    ['-R', bee, { ipOptions: true }, 'PING 10.0.1.2 (10.0.1.2) 56(124) bytes of data.\n'],
    [
      '-I interface',
      bee,
      { source: '10.0.0.1', interface: 'dn' },
      'PING 10.0.1.2 (10.0.1.2) from 10.0.0.1 dn: 56(84) bytes of data.\n',
    ],
    ['-I address', bee, { source: '10.0.0.1' }, 'PING 10.0.1.2 (10.0.1.2) from 10.0.0.1 : 56(84) bytes of data.\n'],
    [
      '-I interface -6',
      bee6,
      { source: 'fd00::1', interface: 'dn' },
      'PING fd00:0:0:1::2(fd00:0:0:1::2) from fd00::1 dn: 56 data bytes\n',
    ],
    ['-I address -6', bee6, { source: 'fd00::1' }, 'PING fd00:0:0:1::2(fd00:0:0:1::2) from fd00::1 : 56 data bytes\n'],
    ['-F 5', bee6, { flowLabel: 5 }, 'PING fd00:0:0:1::2(fd00:0:0:1::2) , flow 0x00005, 56 data bytes\n'],
    [
      '-p f',
      target('127.0.0.1'),
      { pattern: Uint8Array.of(0x0f) },
      'PATTERN: 0x0f\nPING 127.0.0.1 (127.0.0.1) 56(84) bytes of data.\n',
    ],
    [
      '-p -q',
      target('127.0.0.1'),
      { pattern: Uint8Array.of(0xab), quiet: true },
      'PING 127.0.0.1 (127.0.0.1) 56(84) bytes of data.\n',
    ],
    [
      '-v',
      named,
      { verbose: true },
      "ai->ai_family: AF_INET, ai->ai_canonname: 'bee'\nPING bee (10.0.1.2) 56(84) bytes of data.\n",
    ],
    [
      '-v -6',
      target('::1'),
      { verbose: true },
      "ai->ai_family: AF_INET6, ai->ai_canonname: '::1'\nPING ::1(::1) 56 data bytes\n",
    ],
  ])('%s', (_, to, options, text) => {
    expect(header(to, options)).toBe(text)
  })

  test('-b warns on stderr', () => {
    expect(show(target('10.0.0.255'), { broadcast: true }, []).err).toEqual(['WARNING: pinging broadcast address'])
  })

  test('a name that would move the cursor is shown as what it is', () => {
    expect(header(target('10.0.1.2', { target: 'b\x1b[2Jee' }))).toBe(
      'PING b\\x1b[2Jee (10.0.1.2) 56(84) bytes of data.\n',
    )
  })
})

/** The lines between the header and the summary. */
const body = (to: ProbeTarget, options: Partial<PingTextOptions>, events: readonly ProbeEvent[]): string[] =>
  show(to, options, events).lines.slice(1)

describe('answers', () => {
  test('IPv4, IPv6, names', () => {
    expect(body(bee, {}, [sent(bee, 1), reply(bee, 1, 0.226, { ttl: 63 })])).toEqual([
      '64 bytes from 10.0.1.2: icmp_seq=1 ttl=63 time=0.226 ms',
    ])
    expect(body(bee6, {}, [sent(bee6, 1), reply(bee6, 1, 0.021, { ttl: 63 })])).toEqual([
      '64 bytes from fd00:0:0:1::2: icmp_seq=1 ttl=63 time=0.021 ms',
    ])
    expect(body(bee, { nameOf: () => 'bee' }, [sent(bee, 1), reply(bee, 1, 0.136, { ttl: 63 })])).toEqual([
      '64 bytes from bee (10.0.1.2): icmp_seq=1 ttl=63 time=0.136 ms',
    ])
    expect(body(bee6, { nameOf: () => 'bee6' }, [sent(bee6, 1), reply(bee6, 1, 0.038, { ttl: 63 })])).toEqual([
      '64 bytes from bee6 (fd00:0:0:1::2): icmp_seq=1 ttl=63 time=0.038 ms',
    ])
  })

  // Microseconds as iputils has them, and the limits between the forms: 999, 1000, 9994, 9995, 99949, 99950.
  test.each([
    [0.03, '0.030'],
    [0.001, '0.001'],
    [0, '0.000'],
    [0.999, '0.999'],
    [1, '1.00'],
    [1.295, '1.30'],
    [9.842, '9.84'],
    [9.994, '9.99'],
    [9.995, '10.0'],
    [12.421, '12.4'],
    [99.949, '99.9'],
    [99.954, '100'],
    [123, '123'],
    [1500.077, '1500'],
    [2029.371, '2029'],
  ])('%d ms is printed as time=%s', (ms, text) => {
    expect(body(tun, {}, [sent(tun, 1), reply(tun, 1, ms)])[0]).toBe(
      `64 bytes from 10.99.0.5: icmp_seq=1 ttl=64 time=${text} ms`,
    )
  })

  test('a payload too short for iputils to time is timed all the same', () => {
    const short = reply(bee, 1, 0.02, { bytes: 16 })
    expect(body(bee, { payloadBytes: 8 }, [sent(bee, 1), short])).toEqual([
      '16 bytes from 10.0.1.2: icmp_seq=1 ttl=64 time=0.020 ms',
    ])
  })

  test('what is not known is left out', () => {
    expect(body(bee, {}, [sent(bee, 1), reply(bee, 1, null, { ttl: null })])).toEqual([
      '64 bytes from 10.0.1.2: icmp_seq=1',
    ])
  })

  test('-q is silent, -D has the time, -a rings, -v names the identifier of a raw socket', () => {
    expect(body(bee, { quiet: true }, [sent(bee, 1), reply(bee, 1, 0.1)])).toEqual([])
    expect(
      body(bee, { timestamps: true }, [sent(bee, 1), reply(bee, 1, 0.028, { ttl: 63, atMs: 1_795_275_911_463.881 })]),
    ).toEqual(['[1795275911.463881] 64 bytes from 10.0.1.2: icmp_seq=1 ttl=63 time=0.028 ms'])
    expect(body(bee, { audible: true }, [sent(bee, 1), reply(bee, 1, 0.028, { ttl: 63 })])).toEqual([
      '64 bytes from 10.0.1.2: icmp_seq=1 ttl=63 time=0.028 ms\x07',
    ])
    expect(
      body(bee, { verbose: true, identifier: 29983 }, [sent(bee, 1), reply(bee, 1, 0.058, { ttl: 63 })]).at(-1),
    ).toBe('64 bytes from 10.0.1.2: icmp_seq=1 ident=29983 ttl=63 time=0.058 ms')
  })

  test('the sequence number is the one of the ICMP header', () => {
    expect(body(bee, {}, [sent(bee, 65_537), reply(bee, 65_537, 0.1)])[0]).toContain('icmp_seq=1 ')
  })

  test('duplicates and another address', () => {
    const other = { from: '10.99.0.7', differentAddress: true }
    expect(
      body(tun, {}, [
        sent(tun, 1),
        reply(tun, 1, 0.369),
        reply(tun, 1, 0.403, { event: 'duplicate' }),
        reply(tun, 2, 0.071, other),
        reply(tun, 2, 0.226, { event: 'duplicate', ...other }),
      ]),
    ).toEqual([
      '64 bytes from 10.99.0.5: icmp_seq=1 ttl=64 time=0.369 ms',
      '64 bytes from 10.99.0.5: icmp_seq=1 ttl=64 time=0.403 ms (DUP!)',
      '64 bytes from 10.99.0.7: icmp_seq=2 ttl=64 time=0.071 ms (DIFFERENT ADDRESS!)',
      '64 bytes from 10.99.0.7: icmp_seq=2 ttl=64 time=0.226 ms (DUP!) (DIFFERENT ADDRESS!)',
    ])
  })

  test('many answers to a multicast or broadcast probe are as they should be, but for -v', () => {
    const all = target('224.0.0.1')
    const events = [
      sent(all, 1),
      reply(all, 1, 0.018, { from: '10.0.0.1', differentAddress: true }),
      reply(all, 1, 0.029, { event: 'duplicate', from: '10.0.0.2', differentAddress: true }),
    ]
    const first = '64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=0.018 ms'
    const second = '64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=0.029 ms'
    expect(body(all, {}, events)).toEqual([first, second])
    expect(body(all, { verbose: true }, events).slice(1)).toEqual([first, `${second} (DUP!)`])
    expect(body(target('10.0.0.255'), { broadcast: true }, events)).toEqual([first, second])
  })

  test('a truncated answer', () => {
    const cut = reply(tun, 1, 0.054, { bytes: 28, corrupted: [], corruptedBytes: 36 })
    expect(body(tun, {}, [sent(tun, 1), cut])).toEqual(['28 bytes from 10.99.0.5: icmp_seq=1 ttl=64 (truncated)'])
    expect(body(tun, {}, [sent(tun, 1), { ...cut, event: 'duplicate' }])).toEqual([
      '28 bytes from 10.99.0.5: icmp_seq=1 ttl=64 (truncated)',
    ])
  })

  test('a late answer is marked, since it does not count as received (iputils would count it)', () => {
    expect(body(bee, {}, [sent(bee, 1), timeout(bee, 1), reply(bee, 1, 1200, { event: 'late' })])).toEqual([
      '64 bytes from 10.0.1.2: icmp_seq=1 ttl=64 time=1200 ms (LATE!)',
    ])
  })

  test('a clock that was set is told on stderr', () => {
    const { err } = show(bee, {}, [sent(bee, 1), reply(bee, 1, 0.1, { clockStepped: true })])
    expect(err).toEqual(['ping: Warning: the clock was set during icmp_seq=1'])
  })
})

describe('corrupted payload', () => {
  /** 0, 1, 2 ... with some bytes inverted. */
  function flipped(length: number, ...offsets: number[]): Uint8Array {
    const payload = Uint8Array.from({ length }, (_, at) => at & 255)
    for (const at of offsets) payload[at] = ~at & 255
    return payload
  }
  const corrupt = (payload: Uint8Array, ...offsets: number[]) => ({
    bytes: payload.length + 8,
    payload,
    corrupted: offsets.map(offset => ({ offset, expected: offset & 255, received: ~offset & 255 })),
    corruptedBytes: offsets.length,
  })

  test('of 56 bytes', () => {
    const event = reply(tun, 1, 0.042, corrupt(flipped(56, 20, 21, 40), 20, 21, 40))
    expect(body(tun, {}, [sent(tun, 1), event])).toEqual([
      '64 bytes from 10.99.0.5: icmp_seq=1 ttl=64 time=0.042 ms',
      'wrong data byte #20 should be 0x14 but was 0xeb',
      '#16\t10 11 12 13 eb ea 16 17 18 19 1a 1b 1c 1d 1e 1f 20 21 22 23 24 25 26 27 d7 29 2a 2b 2c 2d 2e 2f ',
      '#48\t30 31 32 33 34 35 36 37 ',
    ])
  })

  test('of 100 bytes, with other marks', () => {
    const event = reply(tun, 1, 0.046, { ...corrupt(flipped(100, 20), 20), from: '10.99.0.7', differentAddress: true })
    expect(body(tun, { payloadBytes: 100 }, [sent(tun, 1), event])).toEqual([
      '108 bytes from 10.99.0.7: icmp_seq=1 ttl=64 time=0.046 ms (DIFFERENT ADDRESS!)',
      'wrong data byte #20 should be 0x14 but was 0xeb',
      '#16\t10 11 12 13 eb 15 16 17 18 19 1a 1b 1c 1d 1e 1f 20 21 22 23 24 25 26 27 28 29 2a 2b 2c 2d 2e 2f ',
      '#48\t30 31 32 33 34 35 36 37 38 39 3a 3b 3c 3d 3e 3f 40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f ',
      '#80\t50 51 52 53 54 55 56 57 58 59 5a 5b 5c 5d 5e 5f 60 61 62 63 ',
    ])
  })

  test('bytes below 16 have one digit', () => {
    const event = reply(tun, 1, 0.048, corrupt(flipped(288, 50), 50))
    const dump = body(tun, { payloadBytes: 288 }, [sent(tun, 1), event])
    expect(dump).toContain('#240\tf0 f1 f2 f3 f4 f5 f6 f7 f8 f9 fa fb fc fd fe ff 0 1 2 3 4 5 6 7 8 9 a b c d e f ')
  })

  test('without the payload at hand only the first wrong byte is shown', () => {
    const { payload, ...rest } = corrupt(flipped(56, 20), 20)
    expect(payload).toHaveLength(56)
    expect(body(tun, {}, [sent(tun, 1), reply(tun, 1, 0.042, rest)]).slice(1)).toEqual([
      'wrong data byte #20 should be 0x14 but was 0xeb',
    ])
  })
})

describe('IP options', () => {
  const words = (...addresses: string[]): number[] => addresses.flatMap(address => address.split('.').map(Number))
  const time = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
  const route = ['10.0.0.1', '10.0.1.1', '10.0.1.2', '10.0.1.2', '10.0.0.2', '10.0.0.1']
  const filled = (bytes: number[], length: number): Uint8Array => {
    const all = new Uint8Array(length)
    all.set(bytes)
    return all
  }
  // RFC 791 section 3.1: type, length, pointer to the next free octet counted from 1.
  const recordRoute = filled([7, 39, 4 + route.length * 4, ...words(...route)], 40)
  const answer = (sequence: number, ms: number, ipOptions: Uint8Array) =>
    reply(bee, sequence, ms, { ttl: 63, ipOptions })

  test('-R: the route, and that it is the same one', () => {
    expect(
      body(bee, {}, [sent(bee, 1), answer(1, 0.038, recordRoute), sent(bee, 2), answer(2, 0.059, recordRoute)]),
    ).toEqual([
      '64 bytes from 10.0.1.2: icmp_seq=1 ttl=63 time=0.038 ms',
      'RR: \t10.0.0.1',
      '\t10.0.1.1',
      '\t10.0.1.2',
      '\t10.0.1.2',
      '\t10.0.0.2',
      '\t10.0.0.1',
      '',
      '64 bytes from 10.0.1.2: icmp_seq=2 ttl=63 time=0.059 ms\t(same route)',
    ])
  })

  test('-R with names', () => {
    const names: Record<string, string> = { '10.0.0.1': 'me', '10.0.1.2': 'bee', '10.0.0.2': 'router' }
    const event = answer(1, 0.024, recordRoute)
    expect(body(bee, { nameOf: address => names[address] ?? null }, [sent(bee, 1), event])).toEqual([
      '64 bytes from bee (10.0.1.2): icmp_seq=1 ttl=63 time=0.024 ms',
      'RR: \tme (10.0.0.1)',
      '\t10.0.1.1',
      '\tbee (10.0.1.2)',
      '\tbee (10.0.1.2)',
      '\trouter (10.0.0.2)',
      '\tme (10.0.0.1)',
      '',
    ])
    expect(shownAddresses(event)).toEqual(['10.0.1.2', '10.0.0.1', '10.0.1.1', '10.0.1.2', '10.0.0.2'])
  })

  test('-T tsonly', () => {
    const stamps = Array.from({ length: 6 }, () => time(56_715_395)).flat()
    const event = answer(1, 0.029, filled([68, 40, 5 + stamps.length, 0, ...stamps], 40))
    expect(body(bee, {}, [sent(bee, 1), event])).toEqual([
      '64 bytes from 10.0.1.2: icmp_seq=1 ttl=63 time=0.029 ms',
      'TS: \t56715395 absolute',
      '\t0',
      '\t0',
      '\t0',
      '\t0',
      '\t0',
      '',
    ])
  })

  test('-T tsandaddr, with hops that found no room', () => {
    const hops = ['10.0.0.1', '10.0.0.2', '10.0.1.2', '10.0.1.2']
    const entries = hops.flatMap(address => [...words(address), ...time(56_715_603)])
    const event = answer(1, 0.025, filled([68, 36, 5 + entries.length, 0x21, ...entries], 36))
    expect(body(bee, {}, [sent(bee, 1), event])).toEqual([
      '64 bytes from 10.0.1.2: icmp_seq=1 ttl=63 time=0.025 ms',
      'TS: \t10.0.0.1\t56715603 absolute',
      '\t10.0.0.2\t0',
      '\t10.0.1.2\t0',
      '\t10.0.1.2\t0',
      'Unrecorded hops: 2',
      '',
    ])
  })

  test('options that make no sense end the line and nothing else', () => {
    for (const bytes of [
      [7],
      [7, 0],
      [7, 1, 4],
      [7, 40, 4],
      [68, 3, 9],
      [7, 39, 255],
      [68, 4, 255, 0xf1],
      [0, 7, 39],
    ]) {
      const lines = body(bee, {}, [sent(bee, 1), answer(1, 0.1, Uint8Array.from(bytes))])
      expect(lines[0]).toBe('64 bytes from 10.0.1.2: icmp_seq=1 ttl=63 time=0.100 ms')
    }
    for (let seed = 0; seed < 2000; seed++) {
      let state = seed * 2_654_435_761
      const bytes = Uint8Array.from({ length: seed % 41 }, () => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
        return state >>> 24
      })
      expect(() => body(bee, {}, [sent(bee, 1), answer(1, 0.1, bytes)])).not.toThrow()
    }
  })
})

describe('errors', () => {
  test('of routers, by name or not, with -D', () => {
    const bee2 = target('10.0.1.2', { target: 'bee' })
    const error = icmpError(bee2, 1, '10.0.0.2', 'Time to live exceeded', { type: 11, code: 0, atMs: AT_MS + 412.53 })
    expect(body(bee2, {}, [sent(bee2, 1), error])).toEqual(['From 10.0.0.2 icmp_seq=1 Time to live exceeded'])
    expect(body(bee2, { nameOf: () => 'router' }, [sent(bee2, 1), error])).toEqual([
      'From router (10.0.0.2) icmp_seq=1 Time to live exceeded',
    ])
    expect(body(bee2, { timestamps: true }, [sent(bee2, 1), error])).toEqual([
      '[1795275911.412530] From 10.0.0.2 icmp_seq=1 Time to live exceeded',
    ])
    expect(body(bee2, { quiet: true, audible: true }, [sent(bee2, 1), error])).toEqual([])
    expect(body(bee6, {}, [sent(bee6, 1), icmpError(bee6, 1, 'fd00::2', 'Time exceeded: Hop limit')])).toEqual([
      'From fd00::2 icmp_seq=1 Time exceeded: Hop limit',
    ])
  })

  test('of this host: too long for the path', () => {
    const words = 'message too long'
    const { lines, err } = show(bee, {}, [
      sent(bee, 1),
      icmpError(bee, 1, '10.0.0.2', 'Frag needed and DF set (mtu = 1400)', { code: 4, mtu: 1400 }),
      sent(bee, 2),
      localError(bee, 2, 'EMSGSIZE', words, 1400),
      sent(bee, 3),
      localError(bee, 3, 'EMSGSIZE', words, 1400),
      summary(bee, { transmitted: 3, received: 0, errors: 3, lossPercent: 100, timeMs: 407 }),
    ])
    expect(lines.slice(1)).toEqual([
      'From 10.0.0.2 icmp_seq=1 Frag needed and DF set (mtu = 1400)',
      '',
      '--- 10.0.1.2 ping statistics ---',
      '3 packets transmitted, 0 received, +3 errors, 100% packet loss, time 407ms',
      '',
    ])
    expect(err.slice(0, 2)).toEqual([
      'ping: local error: message too long, mtu=1400',
      'ping: local error: message too long, mtu=1400',
    ])
    expect(show(bee6, {}, [sent(bee6, 1), localError(bee6, 1, 'EMSGSIZE', words, 1400)]).err).toEqual([
      'ping: local error: message too long, mtu: 1400',
    ])
  })

  // iputils does not count these among its errors.
  test('of this host: not sent at all', () => {
    const { lines, err } = show(bee, {}, [
      sent(bee, 1),
      reply(bee, 1, 0.025, { ttl: 63 }),
      sent(bee, 2),
      localError(bee, 2, 'ENETUNREACH', 'network is unreachable', null),
      summary(bee, {
        transmitted: 2,
        received: 1,
        errors: 1,
        lossPercent: 50,
        timeMs: 301,
        rttMs: rtt(0.025, 0.025, 0.025, 0),
      }),
    ])
    expect(lines.slice(-3)).toEqual([
      '--- 10.0.1.2 ping statistics ---',
      '2 packets transmitted, 1 received, 50% packet loss, time 301ms',
      'rtt min/avg/max/mdev = 0.025/0.025/0.025/0.000 ms',
    ])
    expect(err[0]).toBe('ping: sendmsg: Network is unreachable')
    expect(err).toContain('netkit: 1 probe could not be sent')
  })

  test('-v tells the MPLS labels that a router gave, on stderr', () => {
    const error = icmpError(bee, 1, '10.0.0.2', 'Time to live exceeded', {
      mpls: [
        { label: 16_001, trafficClass: 0, bottom: false, ttl: 1 },
        { label: 24, trafficClass: 5, bottom: true, ttl: 1 },
      ],
    })
    expect(show(bee, {}, [sent(bee, 1), error]).err).toEqual([])
    expect(show(bee, { verbose: true }, [sent(bee, 1), error]).err).toEqual([
      'netkit: 10.0.0.2 had the probe with MPLS labels 16001 (TC 0, TTL 1) 24 (TC 5, TTL 1, bottom of the stack)',
    ])
  })
})

describe('-O', () => {
  test('says so of each probe that is unanswered when the next one leaves', () => {
    const at = (ms: number) => ({ atMs: 1_795_276_357_000 + ms })
    const events = [
      sent(tun, 1, at(278)),
      reply(tun, 1, 0.045, at(278.388)),
      sent(tun, 2, at(330)),
      sent(tun, 3, at(388.715)),
      reply(tun, 3, 0.036, at(388.839)),
    ]
    expect(body(tun, { reportMissing: true, timestamps: true }, events)).toEqual([
      '[1795276357.278388] 64 bytes from 10.99.0.5: icmp_seq=1 ttl=64 time=0.045 ms',
      '[1795276357.388715] no answer yet for icmp_seq=2',
      '[1795276357.388839] 64 bytes from 10.99.0.5: icmp_seq=3 ttl=64 time=0.036 ms',
    ])
    expect(body(tun, { reportMissing: true, quiet: true }, events)).toEqual(['no answer yet for icmp_seq=2'])
    expect(body(tun, {}, events)).toHaveLength(2)
  })
})

describe('-f', () => {
  test('a dot for a probe, back for an answer, E for an error', () => {
    expect(show(bee, { flood: true }, [sent(bee, 1), reply(bee, 1, 0.1), sent(bee, 2), reply(bee, 2, 0.1)]).out).toBe(
      `${header(bee)}.\b \b.\b \b`,
    )
    const error = (sequence: number) => icmpError(bee, sequence, '10.0.1.2', 'Destination Port Unreachable')
    expect(show(bee, { flood: true }, [sent(bee, 1), error(1), sent(bee, 2), error(2)]).out).toBe(
      `${header(bee)}.\bE.\bE`,
    )
  })

  test('lost probes leave their dots, and the summary begins on the next line', () => {
    const events = [sent(tun, 1), sent(tun, 2), reply(tun, 2, 0.1)]
    const last = summary(tun, {
      transmitted: 2,
      received: 1,
      lossPercent: 50,
      timeMs: 10,
      rttMs: rtt(0.1, 0.1, 0.1, 0),
      ewmaMs: 0.1,
    })
    expect(show(tun, { flood: true }, [...events, last]).out).toBe(
      `${header(tun)}..\b \b\n--- 10.99.0.5 ping statistics ---\n` +
        '2 packets transmitted, 1 received, 50% packet loss, time 10ms\n' +
        'rtt min/avg/max/mdev = 0.100/0.100/0.100/0.000 ms, ipg/ewma 10.000/0.100 ms\n',
    )
  })
})

describe('summary', () => {
  const end = (to: ProbeTarget, options: Partial<PingTextOptions>, events: readonly ProbeEvent[]): string[] => {
    const { lines } = show(to, { ...options, quiet: true }, events)
    return lines.slice(1)
  }

  test('times, loss to a tenth', () => {
    const times = rtt(0.0845, 0.087, 0.089, 0.0021)
    const last = summary(tun, { transmitted: 3, received: 2, lossPercent: 33.3, timeMs: 110.7, rttMs: times })
    // iputils prints 33.3333%.
    expect(end(tun, {}, [last])).toEqual([
      '',
      '--- 10.99.0.5 ping statistics ---',
      '3 packets transmitted, 2 received, 33.3% packet loss, time 111ms',
      'rtt min/avg/max/mdev = 0.085/0.087/0.089/0.002 ms',
    ])
  })

  test('duplicates and errors', () => {
    const last = summary(tun, {
      transmitted: 2,
      received: 2,
      duplicates: 2,
      errors: 1,
      timeMs: 204,
      rttMs: rtt(0.126, 0.325, 0.404, 0.116),
    })
    expect(end(tun, {}, [last])[2]).toBe(
      '2 packets transmitted, 2 received, +2 duplicates, +1 errors, 0% packet loss, time 204ms',
    )
  })

  test('nothing received: an empty line instead of times', () => {
    const last = summary(bee, { transmitted: 1, received: 0, errors: 1, lossPercent: 100 })
    expect(end(bee, {}, [sent(bee, 1), icmpError(bee, 1, '10.0.0.2', 'Time to live exceeded'), last])).toEqual([
      '',
      '--- 10.0.1.2 ping statistics ---',
      '1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms',
      '',
    ])
  })

  test('the pipe, seen from the oldest probe answered', () => {
    const far = target('10.0.0.99')
    const error = (sequence: number) => icmpError(far, sequence, '10.0.0.1', 'Destination Host Unreachable')
    const counts = { transmitted: 4, received: 0, errors: 4, lossPercent: 100, timeMs: 944 }
    const events = [sent(far, 1), sent(far, 2), sent(far, 3), error(1), error(2), error(3), sent(far, 4), error(4)]
    expect(end(far, {}, [...events, summary(far, counts)]).slice(2)).toEqual([
      '4 packets transmitted, 0 received, +4 errors, 100% packet loss, time 944ms',
      'pipe 3',
    ])
  })

  test('-A and -f: the gap between probes and the weighted average', () => {
    const times = rtt(0.004, 0.037, 0.079, 0.028)
    const counts = { transmitted: 20, received: 14, lossPercent: 30, timeMs: 139.08, rttMs: times, ewmaMs: 0.042 }
    const events = [sent(tun, 1), sent(tun, 2), reply(tun, 1, 0.1), summary(tun, counts)]
    const line = 'rtt min/avg/max/mdev = 0.004/0.037/0.079/0.028 ms, pipe 2, ipg/ewma 7.320/0.042 ms'
    expect(end(tun, { flood: true }, events).at(-1)).toBe(line)
    expect(end(tun, { adaptive: true }, events).at(-1)).toBe(line)
    const one = summary(tun, { rttMs: rtt(0.048, 0.048, 0.048, 0), ewmaMs: 0.048 })
    expect(end(tun, { adaptive: true }, [one]).at(-1)).toBe('rtt min/avg/max/mdev = 0.048/0.048/0.048/0.000 ms')
  })

  test('a probe still under way is not called lost', () => {
    const { lines, err } = show(bee, {}, [
      sent(bee, 1),
      summary(bee, { transmitted: 1, received: 0, lossPercent: null }),
    ])
    expect(lines.slice(-2)).toEqual(['1 packets transmitted, 0 received, time 0ms', ''])
    expect(err).toContain('netkit: probes that were still under way at the end are not counted as lost')
  })

  test('nothing was sent', () => {
    expect(end(bee, {}, [summary(bee, { transmitted: 0, received: 0, lossPercent: null })]).slice(2)).toEqual([
      '0 packets transmitted, 0 received',
      '',
    ])
  })

  test('the deviation of a single answer is left out', () => {
    const { err } = show(bee, {}, [
      sent(bee, 1),
      reply(bee, 1, 0.03),
      summary(bee, { transmitted: 1, received: 1, rttMs: rtt(0.03, 0.03, 0.03, 0, { stddev: null }), jitterMs: null }),
    ])
    expect(err[0]).toBe('netkit: p50/p90/p95/p99 = 0.030/0.030/0.030/0.030 ms')
  })

  test('what iputils does not know follows on stderr', () => {
    const { err, lines } = show(bee, {}, [
      sent(bee, 1),
      reply(bee, 1, 0.03, { localMs: 0.005, queuedMs: 0.002 }),
      summary(bee, {
        transmitted: 10,
        received: 8,
        late: 1,
        corrupted: 1,
        reordered: 2,
        differentAddress: 1,
        lossPercent: 20,
        rttMs: rtt(0.03, 0.04, 0.06, 0.01, { stddev: 0.0105, p50: 0.035, p90: 0.055, p95: 0.058, p99: 0.06 }),
        jitterMs: 0.004,
        rfc3550JitterMs: 0.003,
        longestOutageMs: 2001.5,
      }),
    ])
    expect(lines.at(-1)).toMatch(/^rtt min/)
    expect(err).toEqual([
      'netkit: p50/p90/p95/p99 = 0.035/0.055/0.058/0.060 ms, stddev 0.011 ms, jitter 0.004 ms (RFC 3550: 0.003 ms)',
      'netkit: longest outage 2001.500 ms',
      'netkit: answers left out of the times: 1 late, 1 corrupted',
      'netkit: 2 answers came out of order',
      'netkit: 1 answer came from another address',
      'netkit: of the times, spent in this host before the device: avg 0.005 ms, max 0.005 ms',
      'netkit: queued between packet scheduler and device: avg 0.002 ms, max 0.002 ms',
      "netkit: probed through an unprivileged ICMP socket (datagram); times from a stamp right before the send to the kernel's receive stamp, with its transmit stamps",
    ])
  })

  test('SIGQUIT: a line on stderr, loss in whole percent', () => {
    const out = new Sink()
    const err = new Sink()
    const text = new PingText(PLAIN, out, err)
    const times = rtt(0.044, 0.056, 0.064, 0.01)
    text.interim(summary(bee, { transmitted: 3, received: 3, rttMs: times, ewmaMs: 0.048 }))
    text.interim(summary(bee, { transmitted: 3, received: 0, lossPercent: 100 }))
    text.interim(summary(bee, { transmitted: 3, received: 2, lossPercent: 33.3 }))
    expect(out.text).toBe('')
    expect(err.text).toBe(
      '\r3/3 packets, 0% loss, min/avg/ewma/max = 0.044/0.056/0.048/0.064 ms\n' +
        '\r0/3 packets, 100% loss\n\r2/3 packets, 33% loss\n',
    )
  })
})

describe('not ICMP', () => {
  test('TCP handshakes, answered and refused', () => {
    const options = { protocol: 'tcp', port: 443, payloadBytes: 0 } as const
    const events = [
      sent(bee, 1),
      reply(bee, 1, 0.4, { answer: 'syn-ack', bytes: 0, ttl: null }),
      reply(bee, 2, 1020, { answer: 'syn-ack', bytes: 0, ttl: null, synRetransmits: 1 }),
      reply(bee, 3, 0.3, { answer: 'refused', bytes: 0, ttl: null }),
    ]
    expect(show(bee, options, events).lines).toEqual([
      'PING 10.0.1.2 (10.0.1.2) TCP port 443.',
      'SYN-ACK from 10.0.1.2: tcp_seq=1 time=0.400 ms',
      'SYN-ACK from 10.0.1.2: tcp_seq=2 time=1020 ms (1 SYN resent)',
      'RST from 10.0.1.2: tcp_seq=3 time=0.300 ms',
    ])
  })

  test('UDP datagrams, answered and not', () => {
    const options = { protocol: 'udp', port: 53 } as const
    const events = [
      sent(bee, 1),
      reply(bee, 1, 0.4, { answer: 'datagram', bytes: 12, ttl: null }),
      reply(bee, 2, 0.3, { answer: 'port-unreachable', ttl: null }),
    ]
    expect(show(bee, options, events).lines).toEqual([
      'PING 10.0.1.2 (10.0.1.2) UDP port 53, 56 bytes of data.',
      '12 bytes from 10.0.1.2: udp_seq=1 time=0.400 ms',
      'Port unreachable from 10.0.1.2: udp_seq=2 time=0.300 ms',
    ])
  })
})
