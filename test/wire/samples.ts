// ICMP as Linux 6.18 sent and received it in a namespace of its own, one field a line.

import { hex } from '../sockets/diag/samples.js'

/** What the payload of every sample begins with. */
export const MARK = { cookieLow: 0x12345678, cookieHigh: 0x87654321, target: 2, fullSequence: 65_537 } as const

const MARK_BYTES = `
  78 56 34 12 // cookie, low
  21 43 65 87 // cookie, high
  02 00 00 00 // target
  01 00 01 00 // sequence
`

/** Read from a raw ICMP socket: the reply of 127.0.0.1, with the IP header. */
export const REPLY4 = hex(`
  45          // version 4, 5 words
  00          // tos
  00 2c       // total length 44
  1d 24       // identification
  00 00       // fragment
  40          // ttl 64
  01          // ICMP
  5f ab       // checksum
  7f 00 00 01 // source
  7f 00 00 01 // destination
  00          // echo reply
  00          // code
  86 89       // checksum
  42 42       // identifier
  00 01       // sequence
  ${MARK_BYTES}
`)

/** The same from ICMPv6, where a raw socket gives no IP header. */
export const REPLY6 = hex(`
  81          // echo reply
  00          // code
  05 35       // checksum
  42 42       // identifier
  00 01       // sequence
  ${MARK_BYTES}
`)

/** Read from a raw ICMP socket: 127.0.0.2 is unreachable, says 127.0.0.2. */
export const HOST_UNREACHABLE4 = hex(`
  45          // version 4, 5 words
  c0          // tos: internetwork control
  00 48       // total length 72
  5a ea       // identification
  00 00       // fragment
  40          // ttl 64
  01          // ICMP
  21 08       // checksum
  7f 00 00 02 // source
  7f 00 00 01 // destination
  03          // unreachable
  01          // host
  fc fe       // checksum
  00 00 00 00 // unused
  45          // quoted: version 4, 5 words
  00          // tos
  00 2c       // total length 44
  8e 9f       // identification
  40 00       // do not fragment
  40          // ttl
  01          // ICMP
  ae 2e       // checksum
  7f 00 00 01 // source
  7f 00 00 02 // destination
  08          // echo request
  00          // code
  7e 89       // checksum
  42 42       // identifier
  00 01       // sequence
  ${MARK_BYTES}
`)

/** Where the ICMP message begins in the two that have an IP header. */
export const ICMP_AT = 20

/** Read from a raw ICMPv6 socket: fd00::2 is administratively prohibited; the probe had a destination options header. */
export const PROHIBITED6 = hex(`
  01          // unreachable
  01          // administratively prohibited
  6d 65       // checksum
  00 00 00 00 // unused
  60 06 bf f0 // version 6, class 0, flow label 6bff0
  00 20       // payload length 32
  3c          // destination options
  40          // hop limit 64
  fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 02 // source
  fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 02 // destination
  3a          // next: ICMPv6
  00          // 8 bytes
  01 04 00 00 00 00 // PadN
  80          // echo request
  00          // code
  0c 31       // checksum
  42 42       // identifier
  00 01       // sequence
  ${MARK_BYTES}
`)

const TIMESTAMPNS = `
  20 00 00 00 00 00 00 00 // length 32
  01 00 00 00 // SOL_SOCKET
  23 00 00 00 // SCM_TIMESTAMPNS
  90 c1 01 6b 00 00 00 00 // seconds
  3f ec c6 39 00 00 00 00 // nanoseconds
`

/** Control messages of an error queue record: stamps, time to live, and the error of 127.0.0.2. */
export const ERROR_CONTROL4 = hex(`
  ${TIMESTAMPNS}
  40 00 00 00 00 00 00 00 // length 64
  01 00 00 00 // SOL_SOCKET
  25 00 00 00 // SCM_TIMESTAMPING
  90 c1 01 6b 00 00 00 00 3f ec c6 39 00 00 00 00 // software
  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 // unused
  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 // hardware
  14 00 00 00 00 00 00 00 // length 20
  00 00 00 00 // SOL_IP
  02 00 00 00 // IP_TTL
  40 00 00 00 // 64
  00 00 00 00 // padding
  30 00 00 00 00 00 00 00 // length 48
  00 00 00 00 // SOL_IP
  0b 00 00 00 // IP_RECVERR
  71 00 00 00 // EHOSTUNREACH
  02          // origin ICMP
  03          // unreachable
  01          // host
  00          // pad
  00 00 00 00 // info
  00 00 00 00 // data
  02 00 00 00 // offender: AF_INET, port
  7f 00 00 02 // 127.0.0.2
  00 00 00 00 00 00 00 00
`)

/** The same for ICMPv6; the last message's padding is there. */
export const ERROR_CONTROL6 = hex(`
  ${TIMESTAMPNS}
  14 00 00 00 00 00 00 00 // length 20
  29 00 00 00 // SOL_IPV6
  34 00 00 00 // IPV6_HOPLIMIT
  40 00 00 00 // 64
  00 00 00 00 // padding
  3c 00 00 00 00 00 00 00 // length 60
  29 00 00 00 // SOL_IPV6
  19 00 00 00 // IPV6_RECVERR
  0d 00 00 00 // EACCES
  03          // origin ICMPv6
  01          // unreachable
  01          // administratively prohibited
  00          // pad
  00 00 00 00 // info
  00 00 00 00 // data
  0a 00 00 00 // offender: AF_INET6, port
  00 00 00 00 // flow
  fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 02 // fd00::2
  00 00 00 00 // scope
  00 00 00 00 // padding
`)

/** struct sock_extended_err of a transmit stamp of the scheduler, for the first message. */
export const STAMP_ERROR = hex(`
  2a 00 00 00 // ENOMSG
  04          // origin timestamping
  00 00 00
  01 00 00 00 // SCM_TSTAMP_SCHED
  00 00 00 00 // message 0
  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 // nobody
`)

/** struct sock_extended_err of a packet that was larger than the device takes. */
export const LOCAL_ERROR = hex(`
  5a 00 00 00 // EMSGSIZE
  01          // origin local
  00 00 00
  dc 05 00 00 // MTU 1500
  00 00 00 00
  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 // nobody
`)
