import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/sockets/constants.js'
import {
  cgroupId,
  mptcpDetails,
  socketDrops,
  socketMark,
  socketMemory,
  socketOptions,
  socketTimer,
  tcpDetails,
} from '../../src/sockets/details.js'
import { decodeInet } from '../../src/sockets/diag/inet-diag.js'
import { decodeUnix } from '../../src/sockets/diag/unix-diag.js'
import { MPTCP_INFO } from '../../src/sockets/mptcp-info.js'
import { SocketRecord } from '../../src/sockets/record.js'
import { TCP_INFO, type TcpInfoField } from '../../src/sockets/tcp-info.js'
import { attribute, concat, truncations, u16, u32, u64 } from './diag/build.js'
import {
  hex,
  MPTCP_CONNECTION,
  TCP_BBR,
  TCP_LISTENER,
  TCP_RENO,
  TCP_SUBFLOW,
  TCP6_STALLED,
  UNIX_LISTENER,
  view,
} from './diag/samples.js'
import { formatExtended, formatInfo, formatMemory, formatSockopt, formatTimer, formatTos } from './words.js'

function decode(bytes: Uint8Array, protocol: Protocol = 'tcp'): SocketRecord {
  const record = new SocketRecord()
  expect(decodeInet(view(bytes), 0, bytes.length, protocol, record)).toBe(true)
  return record
}

/** An established inet_diag_msg with these attributes. */
const inet = (...attributes: Uint8Array[]): Uint8Array => {
  const header = new Uint8Array(72)
  header.set([2, 1])
  return concat(header, ...attributes)
}

/** A tcp_info of `size` bytes with these fields set. */
function tcpInfo(fields: Partial<Record<TcpInfoField, number | bigint>>, size = TCP_INFO.size): Uint8Array {
  const bytes = new Uint8Array(Math.max(size, TCP_INFO.size))
  const data = new DataView(bytes.buffer)
  for (const [name, value] of Object.entries(fields)) {
    const at = TCP_INFO.offset[name as TcpInfoField]
    if (typeof value === 'bigint') data.setBigUint64(at, value, true)
    else if (at < 8) data.setUint8(at, value)
    else if (name === 'rtoCount' || name === 'rtoRecoveries') data.setUint16(at, value, true)
    else data.setUint32(at, value, true)
  }
  return attribute(2, bytes.slice(0, size))
}

const ONES = 0xffffffffffffffffn

describe('tcp_info', () => {
  test('fields lie where linux/tcp.h puts them', () => {
    expect(TCP_INFO.offset).toMatchObject({
      ...{ rtoUs: 8, unackedSegments: 24, lastDataSentMs: 44, pathMtuBytes: 60, rttUs: 68, totalRetransSegments: 100 },
      ...{ pacingRateBytesPerSecond: 104, segmentsOut: 136, minRttUs: 148, deliveryRateBytesPerSecond: 160 },
      ...{ deliveredSegments: 192, bytesSent: 200, sendWindowBytes: 228, rtoCount: 240, rtoRecoveryMs: 244 },
      ...{ receivedCeSegments: 248, receivedCeBytes: 272, accEcnStatusBits: 276 },
    })
  })

  test('a connection gives every field, zeros included, and null where the kernel says "none"', () => {
    expect(tcpDetails(decode(TCP_RENO))).toMatchObject({
      ...{ congestionControl: 'reno', congestionState: 'open', options: ['timestamps', 'sack', 'window-scaling'] },
      ...{ sendWindowScale: 10, receiveWindowScale: 10, deliveryRateAppLimited: true, fastopenClientFail: null },
      ...{ rtoUs: 204000, atoUs: 40000, sendMssBytes: 35328, receiveMssBytes: 1000, rttUs: 25, rttVarianceUs: 14 },
      ...{ retransmits: 0, lostSegments: 0, unackedSegments: 0, totalRetransSegments: 0, rtoCount: 0, busyUs: 0 },
      ...{ pacingRateBytesPerSecond: 27573073170, maxPacingRateBytesPerSecond: null, sendThresholdSegments: null },
      ...{ lastAckSentMs: null, bytesAcked: 1001, bytesReceived: 1000, receivedCeSegments: 0, undecodedBytes: 0 },
      ...{ vegas: null, dctcp: null, bbr: null, upperLayer: null, tls: null, mptcpSubflow: null, md5Keys: null },
    })
  })

  test('the text is what ss prints, with -n and without, with the options and without', () => {
    expect(formatInfo(decode(TCP_RENO), { options: true })).toBe(
      'ts sack reno wscale:10,10 rto:204 rtt:0.025/0.014 ato:40 mss:35328 pmtu:65535 rcvmss:1000 advmss:65483 ' +
        'cwnd:10 bytes_sent:1000 bytes_acked:1001 bytes_received:1000 segs_out:4 segs_in:3 data_segs_out:1 ' +
        'data_segs_in:1 send 113Gbps lastsnd:516 lastrcv:516 lastack:516 pacing_rate 221Gbps ' +
        'delivery_rate 31.4Gbps delivered:2 app_limited rcv_space:65495 rcv_ssthresh:70173 minrtt:0.009 ' +
        'snd_wnd:70656 rcv_wnd:70656',
    )
    expect(formatInfo(decode(TCP6_STALLED), { numeric: true })).toContain(
      'send 262710541bps lastsnd:460 lastrcv:528 lastack:220 pacing_rate 525402760bps delivery_rate 19251440bps ' +
        'delivered:8 busy:528ms rwnd_limited:528ms(100.0%) retrans:0/2 dsack_dups:2',
    )
  })

  test("a listener's accept queue is not called unacked", () => {
    const record = decode(TCP_LISTENER)
    expect(record).toMatchObject({ recvQueue: 2, sendQueue: 2 })
    expect(tcpDetails(record)).toMatchObject({
      unackedSegments: null,
      sackedSegments: null,
      congestionWindowSegments: 10,
    })
    expect(formatInfo(record)).toBe('bbr cwnd:10')
  })

  test('fields beyond what an older kernel sends are null, never 0', () => {
    const details = tcpDetails(decode(inet(tcpInfo({ rttUs: 5, bytesAcked: 7n }, 128))))
    expect(details).toMatchObject({ rttUs: 5, bytesAcked: 7, bytesReceived: null, minRttUs: null, rtoCount: null })
    // A cut through the middle of a u64.
    expect(tcpDetails(decode(inet(tcpInfo({ bytesAcked: 7n }, 124))))).toMatchObject({ bytesAcked: null })
    expect(formatInfo(decode(inet(tcpInfo({ bytesAcked: 7n }, 124))))).not.toContain('bytes_acked')
  })

  test('a tcp_info of any length is read as far as it goes', () => {
    for (let size = 0; size <= TCP_INFO.size + 16; size++) {
      const record = decode(inet(tcpInfo({ rttUs: 5, options: 4, windowScales: 0x7a }, size)))
      const details = tcpDetails(record)!
      expect(details['rttUs']).toBe(size >= 72 ? 5 : null)
      expect(details['undecodedBytes']).toBe(Math.max(0, size - TCP_INFO.size))
      expect(formatInfo(record).includes('rtt:0.005/0')).toBe(size >= 72)
      expect(formatInfo(record).includes('undecoded:')).toBe(size > TCP_INFO.size)
    }
  })

  test('64-bit counters above 2^53 are decimal strings, and all ones is no limit for rates only', () => {
    const info = tcpInfo({
      bytesAcked: 2n ** 53n + 1n,
      bytesReceived: 2n ** 53n - 1n,
      pacingRateBytesPerSecond: ONES,
      bytesSent: ONES,
    })
    const record = decode(inet(info))
    expect(tcpDetails(record)).toMatchObject({
      bytesAcked: '9007199254740993',
      bytesReceived: 9007199254740991,
      pacingRateBytesPerSecond: null,
      bytesSent: '18446744073709551615',
    })
    expect(formatInfo(record)).toContain('bytes_sent:18446744073709551615 bytes_acked:9007199254740993')
    expect(formatInfo(record)).not.toContain('pacing_rate')
  })

  test('what ss hides comes after what it shows', () => {
    const fields = { congestionState: 4, retransmits: 3, probes: 2, limits: 0b101, rtoCount: 5, rtoRecoveries: 1 }
    const ecn = { rtoRecoveryMs: 900, receivedCeSegments: 8, deliveredEct1Bytes: 1, accEcnStatusBits: 0x30002 }
    const record = decode(inet(tcpInfo({ rttUs: 1, minRttUs: 0xffffffff, ...fields, ...ecn })))
    expect(formatInfo(record)).toBe(
      'rtt:0.001/0 app_limited ca_state:loss retransmits:3 probes:2 total_rto:5 rto_recoveries:1 rto_time:900ms ' +
        'fastopen_fail:data-not-acked received_ce:8 delivered_e1_bytes:1 accecn_bits:0x30002',
    )
    expect(tcpDetails(record)).toMatchObject({
      congestionState: 'loss',
      minRttUs: null,
      fastopenClientFail: 'data-not-acked',
    })
  })

  test('unknown congestion states and option bits keep their numbers', () => {
    const record = decode(inet(tcpInfo({ congestionState: 99, options: 0xff })))
    expect(tcpDetails(record)).toMatchObject({ congestionState: 'ca-state-99' })
    expect(tcpDetails(record)?.['options']).toContain('option-7')
    expect(formatInfo(record, { options: true })).toContain('ts usec_ts sack ecn ecnseen fastopen wscale:0,0')
  })

  test('a socket without tcp_info has no block, and other protocols have none', () => {
    expect(tcpDetails(decode(inet()))).toBeNull()
    expect(formatInfo(decode(inet()))).toBe('')
    expect(tcpDetails(decode(TCP_RENO, 'udp'))).toBeNull()
    expect(formatInfo(decode(TCP_RENO, 'udp'))).toBe('')
  })
})

describe('congestion control and upper layers', () => {
  test('BBR', () => {
    expect(tcpDetails(decode(TCP_SUBFLOW))?.['bbr']).toEqual({
      bandwidthBytesPerSecond: 8192000000,
      minRttUs: 4,
      pacingGain: 2.88671875,
      cwndGain: 2.88671875,
    })
    expect(formatInfo(decode(TCP_SUBFLOW))).toContain(
      'bbr:(bw:65.5Gbps,mrtt:0.004,pacing_gain:2.88672,cwnd_gain:2.88672)',
    )
    expect(formatInfo(decode(TCP_BBR))).toContain('bbr:(bw:0bps,mrtt:0.007)')
  })

  test('DCTCP and Vegas', () => {
    const info = tcpInfo({ rttUs: 1000, sendMssBytes: 1000, congestionWindowSegments: 10 })
    const dctcp = decode(inet(info, attribute(9, concat(u16(1), u16(2), u32(3, 4, 5)))))
    expect(tcpDetails(dctcp)?.['dctcp']).toEqual({
      enabled: true,
      ceState: 2,
      alpha: 3,
      ackedEcnBytes: 4,
      ackedTotalBytes: 5,
    })
    expect(formatInfo(dctcp)).toContain('dctcp:(ce_state:2,alpha:3,ab_ecn:4,ab_tot:5)')
    expect(formatInfo(decode(inet(info, attribute(9, new Uint8Array(16)))))).toContain('dctcp:fallback_mode')
    const vegas = decode(inet(info, attribute(3, u32(1, 9, 500, 0x7fffffff))))
    expect(tcpDetails(vegas)?.['vegas']).toEqual({ enabled: true, rttCount: 9, rttUs: 500, minRttUs: null })
    // ss computes the send rate from Vegas's own round-trip time: half of it here, so twice the rate.
    expect(formatInfo(vegas)).toContain('send 160Mbps')
    expect(formatInfo(decode(inet(info)))).toContain('send 80Mbps')
  })

  test('an MPTCP subflow', () => {
    expect(tcpDetails(decode(TCP_SUBFLOW))).toMatchObject({
      upperLayer: 'mptcp',
      mptcpSubflow: { flags: 'Mec', localToken: '940543f1', mapSequence: '425bc277ac8502b5', mapLength: 1000 },
    })
    expect(formatInfo(decode(TCP_SUBFLOW))).toMatch(
      / tcp-ulp-mptcp flags:Mec token:0000\(id:0\)\/940543f1\(id:0\) seq:425bc277ac8502b5 sfseq:1 ssnoff:bc45b590 maplen:3e8$/,
    )
  })

  test('kernel TLS by version, cipher and configuration, known or not', () => {
    const tls = (version: number, cipher: number, conf: number): SocketRecord => {
      const words = [
        attribute(1, u16(version)),
        attribute(2, u16(cipher)),
        attribute(3, u16(conf)),
        attribute(4, u16(2)),
      ]
      const nest = concat(attribute(1, hex('746c7300')), attribute(2 | 0x8000, concat(...words, attribute(5, hex('')))))
      return decode(inet(tcpInfo({}), attribute(19 | 0x8000, nest)))
    }
    expect(formatInfo(tls(0x0304, 52, 3))).toBe(
      'tcp-ulp-tls version: 1.3 cipher: aes-gcm-256 rxconf: sw txconf: hw zc_ro_tx',
    )
    expect(tcpDetails(tls(0x0305, 99, 9))?.['tls']).toEqual({
      ...{ version: 'unknown(773)', cipher: 'unknown(99)', receive: 'sw', send: 'unknown(9)' },
      ...{ zeroCopySend: true, noPaddingReceive: false },
    })
  })

  test('MD5 keys are counted and never shown', () => {
    const secret = concat(hex('02 20 0600'), hex('7f000001').slice(), new Uint8Array(12), new Uint8Array(80).fill(0x53))
    const record = decode(inet(tcpInfo({}), attribute(18, concat(secret, secret))))
    expect(formatInfo(record)).toBe('md5keys:2')
    expect(tcpDetails(record)).toMatchObject({ md5Keys: 2 })
    expect(JSON.stringify(tcpDetails(record))).not.toContain('SSS')
  })

  test('a kernel name out of a damaged recording has no control characters and an end', () => {
    const record = decode(inet(tcpInfo({}), attribute(4, hex('1b5b33316d20ff41414141414141414141414141414141'))))
    expect(tcpDetails(record)).toMatchObject({ congestionControl: '?[31m??AAAAAAAAA' })
  })

  test('mptcp_info, its sequence numbers without losing digits', () => {
    const record = decode(MPTCP_CONNECTION, 'mptcp')
    expect(mptcpDetails(record)).toMatchObject({
      ...{ subflows: 0, subflowsLimit: 2, fallback: false, remoteKeyReceived: true, token: '940543f1' },
      ...{ writeSequence: '8618025299144806110', bytesSent: 1000, subflowsTotal: 1, undecodedBytes: 0 },
    })
    expect(formatInfo(record)).toMatch(/^subflows_max:2 remote_key token:940543f1 write_seq:779960596cdb0ede /)
    const old = decode(inet(attribute(2, new Uint8Array(43))), 'mptcp')
    expect(mptcpDetails(old)).toMatchObject({ checksumEnabled: false, retransmits: null, bytesSent: null })
    expect(MPTCP_INFO.offset).toMatchObject({ writeSequence: 16, retransmits: 44, bytesAcked: 72, lastDataSentMs: 84 })
  })
})

describe('memory and drops', () => {
  test('all nine words, as ss prints them', () => {
    const record = decode(TCP_RENO)
    expect(formatMemory(record)).toBe('skmem:(r1832,rb131072,t0,tb2626560,f2264,w0,o0,bl0,d0)')
    expect(socketMemory(record)).toEqual({
      ...{
        receiveAllocated: 1832,
        receiveBuffer: 131072,
        sendAllocated: 0,
        sendBuffer: 2626560,
        forwardAllocated: 2264,
      },
      ...{ sendQueued: 0, optionMemory: 0, backlog: 0, drops: 0 },
    })
    expect(socketDrops(record)).toBe(0)
  })

  test('an older kernel sends fewer words: the rest are null', () => {
    const record = decode(inet(attribute(7, u32(1, 2, 3, 4, 5, 6, 7))))
    expect(formatMemory(record)).toBe('skmem:(r1,rb2,t3,tb4,f5,w6,o7)')
    expect(socketMemory(record)).toMatchObject({ optionMemory: 7, backlog: null, drops: null })
    expect(socketDrops(record)).toBeNull()
    expect(formatMemory(decode(inet(attribute(1, u32(1, 2, 3, 4)))))).toBe('mem:(r1,w2,f3,t4)')
    expect(socketMemory(decode(inet()))).toBeNull()
    expect(formatMemory(decode(inet()))).toBe('')
  })

  test('drops are named, and come from procfs where that is the source', () => {
    expect(formatMemory(decode(inet(attribute(7, u32(0, 0, 0, 0, 0, 0, 0, 0, 17))), 'udp'))).toMatch(/,d17\) drops:17$/)
    const record = new SocketRecord()
    record.procDrops = 5
    expect(socketDrops(record)).toBe(5)
    expect(formatMemory(record)).toBe('')
  })

  test("a unix socket's memory is under another number", () => {
    const record = new SocketRecord()
    decodeUnix(view(UNIX_LISTENER), 0, UNIX_LISTENER.length, record)
    expect(formatMemory(record)).toBe('skmem:(r0,rb212992,t0,tb212992,f0,w0,o0,bl0,d0)')
    expect(formatExtended(record)).toBe('<-> ino:2171875 dev:254/0 peers: 3901601')
    expect([
      socketMark(record),
      cgroupId(record),
      tcpDetails(record),
      formatTos(record),
      formatSockopt(record),
    ]).toEqual([null, null, null, '', ''])
    expect(socketOptions(record)).toMatchObject({ shutdown: 'none', tos: null, flags: null })
  })
})

describe('options, mark, cgroup and timer', () => {
  test('a connection with everything set', () => {
    const record = decode(TCP_RENO)
    expect(formatTos(record)).toBe('tos:0x10 class_id:0x6')
    expect(formatSockopt(record)).toBe('inet-sockopt: ( is_icsk mc_loop mc_all)')
    expect(formatTimer(record)).toBe('timer:(keepalive,119min,0)')
    expect(socketTimer(record)).toMatchObject({ name: 'keepalive', retransmits: 0 })
    expect(socketMark(record)).toBe(7)
    expect(cgroupId(record)).toBe('1')
    expect(formatExtended(record)).toBe('ino:3901631 sk:1238d1 fwmark:0x7 cgroup:unreachable:1 <->')
    expect(formatExtended(record, '/system.slice')).toContain(' cgroup:/system.slice <->')
    expect(formatTos(decode(TCP6_STALLED))).toBe('tos:0 tclass:0x20 class_id:0x3')
    expect(socketOptions(record)).toEqual({
      ...{ tos: 16, trafficClass: null, priority: 6, v6only: null, shutdown: 'none' },
      flags: ['is_icsk', 'mc_loop', 'mc_all'],
    })
  })

  test('every shutdown, v6only and unknown option bits', () => {
    const record = (bits: number): SocketRecord => {
      const bytes = inet(attribute(8, Uint8Array.of(bits)), attribute(11, Uint8Array.of(1)), attribute(22, hex('ffff')))
      bytes[0] = 10
      return decode(bytes)
    }
    expect([0, 1, 2, 3].map(bits => formatExtended(record(bits)).slice(-3))).toEqual(['<->', '-->', '<--', '---'])
    expect([0, 1, 2, 3].map(bits => socketOptions(record(bits))?.shutdown)).toEqual(['none', 'receive', 'send', 'both'])
    expect(formatExtended(record(0))).toContain('v6only:1 <->')
    expect(socketOptions(record(0))?.v6only).toBe(true)
    expect(formatSockopt(record(0))).toBe(
      'inet-sockopt: ( recverr is_icsk freebind hdrincl mc_loop transparent mc_all nodefrag bind_addr_no_port ' +
        'recverr_rfc4884 defer_connect bit-11 bit-12 bit-13 bit-14 bit-15)',
    )
    expect(socketOptions(decode(inet()))).toBeNull()
  })

  test('a cgroup id of 64 bits is hex, and too short an attribute is none', () => {
    expect(cgroupId(decode(inet(attribute(21, u64(0xfedcba9876543210n)))))).toBe('fedcba9876543210')
    expect(cgroupId(decode(inet(attribute(21, u32(1)))))).toBeNull()
    expect(formatExtended(decode(inet(attribute(21, u64(0n)))))).not.toContain('cgroup')
  })

  test('every timer has its name, unknown ones their number, and a mini-socket has no owner to show', () => {
    const bytes = inet()
    const timers = [0, 1, 2, 3, 4, 5, 6].map(timer => {
      bytes[2] = timer
      bytes[3] = 2
      new DataView(bytes.buffer).setUint32(52, 9373, true)
      const record = decode(bytes)
      return [formatTimer(record), socketTimer(record)?.name]
    })
    expect(timers).toEqual([
      ['', undefined],
      ['timer:(on,9.373sec,2)', 'retransmit'],
      ['timer:(keepalive,9.373sec,2)', 'keepalive'],
      ['timer:(timewait,9.373sec,2)', 'time-wait'],
      ['timer:(persist,9.373sec,2)', 'zero-window-probe'],
      ['timer:(delack,9.373sec,2)', 'delayed-ack'],
      ['timer:(timer-6,9.373sec,2)', 'timer-6'],
    ])
    bytes.set([2, 6, 3])
    expect(formatExtended(decode(bytes))).toBe('ino:0 sk:0')
  })
})

test('a message cut anywhere gives what is whole and throws nothing', () => {
  for (const sample of [TCP6_STALLED, TCP_SUBFLOW]) {
    for (const { bytes, length } of truncations(sample)) {
      const record = new SocketRecord()
      if (!decodeInet(view(bytes), 0, length, 'tcp', record)) continue
      for (const format of [formatInfo, formatMemory, formatExtended, formatTos, formatSockopt, formatTimer])
        format(record)
      for (const read of [tcpDetails, socketMemory, socketOptions, socketMark, cgroupId, socketDrops]) read(record)
    }
  }
})
