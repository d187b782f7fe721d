// Messages of a 6.18 kernel, recorded by scene.py, and the helpers that read annotated hex.

/** Bytes from annotated hex: blanks are free, `//` starts a note that ends with its line. */
export function hex(text: string): Uint8Array {
  const digits = text.replace(/\/\/.*$/gm, '').replace(/\s+/g, '')
  return Uint8Array.from(digits.match(/../g) ?? [], byte => Number.parseInt(byte, 16))
}

/** A view of bytes, or of annotated hex. */
export function view(source: Uint8Array | string): DataView {
  const bytes = typeof source === 'string' ? hex(source) : source
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** A listener with a path, two connections made, one of them not accepted. */
export const UNIX_LISTENER = hex(`
  01 // family
  01 // type
  0a // state
  00 // pad
  9e883b00 // inode
  b4381200 // cookieLow
  00000000 // cookieHigh
  2e000000 2f746d702f6e65746b69742d7363656e652d79666267703862622f61201b5b33316dc3a92e736f636b00 0000 // NAME
  0c000100 e32321000000e00f // VFS
  08000300 a1883b00 // ICONS
  0c000400 0100000005000000 // RQLEN
  28000500 000000000040030000000000004003000000000000000000000000000000000000000000 // MEMINFO
  05000600 00 000000 // SHUTDOWN
  08000700 00000000 // UID
`)

/** The accepted end, 100 bytes to read. */
export const UNIX_ACCEPTED = hex(`
  01 // family
  01 // type
  01 // state
  00 // pad
  a0883b00 // inode
  ad381200 // cookieLow
  00000000 // cookieHigh
  2e000000 2f746d702f6e65746b69742d7363656e652d79666267703862622f61201b5b33316dc3a92e736f636b00 0000 // NAME
  0c000100 e32321000000e00f // VFS
  08000200 9f883b00 // PEER
  0c000400 6400000000000000 // RQLEN
  28000500 000000000040030000000000004003000000000000000000000000000000000000000000 // MEMINFO
  05000600 00 000000 // SHUTDOWN
  08000700 00000000 // UID
`)

/** A datagram socket with an abstract name that holds a NUL. */
export const UNIX_ABSTRACT = hex(`
  01 // family
  02 // type
  07 // state
  00 // pad
  a2883b00 // inode
  b5381200 // cookieLow
  00000000 // cookieHigh
  0e000000 00616273007472616374 0000 // NAME
  0c000400 0000000000000000 // RQLEN
  28000500 000000000040030000000000004003000000000000000000000000000000000000000000 // MEMINFO
  05000600 00 000000 // SHUTDOWN
  08000700 00000000 // UID
`)

/** One end of a socket pair after shutdown(SHUT_WR). */
export const UNIX_HALF_CLOSED = hex(`
  01 // family
  01 // type
  01 // state
  00 // pad
  a6883b00 // inode
  ae381200 // cookieLow
  00000000 // cookieHigh
  08000200 a7883b00 // PEER
  0c000400 0000000000000000 // RQLEN
  28000500 000000000040030000000000004003000000000000000000000000000000000000000000 // MEMINFO
  05000600 02 000000 // SHUTDOWN
  08000700 00000000 // UID
`)

/** TPACKET_V2 receive ring, fanout, auxdata, bound to loopback, IPv4 only. */
export const PACKET_RING = hex(`
  11 // family
  02 // type
  0008 // ethertype
  a9883b00 // inode
  b8381200 // cookieLow
  00000000 // cookieHigh
  1c000000 010000000100000000000000000000000000000003000000 // INFO
  08000500 00000000 // UID
  20000200 00100000020000000008000004000000000000000000000000000000 // RX_RING
  08000400 07000100 // FANOUT
  28000600 000000000040030000000000004003000000000000000000000000000000000000000000 // MEMINFO
`)

/** ETH_P_ALL with a filter of two instructions; packets of loopback dropped. */
export const PACKET_FILTER = hex(`
  11 // family
  03 // type
  0300 // ethertype
  a8883b00 // inode
  b7381200 // cookieLow
  00000000 // cookieHigh
  1c000000 000000000000000000000000000000000000000001000000 // INFO
  08000500 00000000 // UID
  28000600 8c400300004003000000000000400300000000000000000018010000000000001a000000 // MEMINFO
  14000700 280000000c00000006000000ffff0000 // FILTER
`)

/** An rtnetlink socket in groups 1, 5 and 29. */
export const NETLINK_GROUPS = hex(`
  10 // family
  03 // type
  00 // protocol
  07 // state
  637c0000 // portId
  00000000 // peerPortId
  00000000 // peerGroup
  ba883b00 // inode
  bf381200 // cookieLow
  00000000 // cookieHigh
  0c000100 1100001000000000 // GROUPS
  28000000 000000000040030000000000004003000000000000000000000000000000000000000000 // MEMINFO
  08000400 00000000 // FLAGS
`)

/** A generic netlink socket with a peer: the kernel. */
export const NETLINK_CONNECTED = hex(`
  10 // family
  02 // type
  10 // protocol
  01 // state
  39300000 // portId
  00000000 // peerPortId
  00000000 // peerGroup
  bd883b00 // inode
  c9381200 // cookieLow
  00000000 // cookieHigh
  28000000 000000000040030000000000004003000000000000000000000000000000000000000000 // MEMINFO
  08000400 00000000 // FLAGS
`)

/** A listener on loopback with two connections in an accept queue of two. */
export const TCP_LISTENER = hex(`
  02 // family
  0a // state
  00 // timer
  00 // retransmits
  afe900007f0000010000000000000000000000000000000000000000000000000000000000000000ca38120000000000 // id
  00000000 // expiresMs
  02000000 // recvQueue
  02000000 // sendQueue
  00000000 // uid
  c9883b00 // inode
  05000800 00 000000 // SHUTDOWN
  05000500 00 000000 // TOS
  08000f00 00000000 // MARK
  08001100 00000000 // CLASS_ID
  0c001500 0100000000000000 // CGROUP_ID
  06001600 5200 0000 // SOCKOPT
  14000100 00000000000000000000000000000000 // MEMINFO
  28000700 000000000000020000000000004000000000000000000000000000000000000000000000 // SKMEMINFO
  1c010200 // INFO
    0a // state
    00 // congestionState
    00 // retransmits
    00 // probes
    00 // backoff
    00 // options
    00 // windowScales
    00 // limits
    00000000 // rtoUs
    00000000 // atoUs
    00000000 // sendMssBytes
    00000000 // receiveMssBytes
    02000000 // unackedSegments
    02000000 // sackedSegments
    00000000 // lostSegments
    00000000 // retransSegments
    00000000 // fackets
    00000000 // lastDataSentMs
    00000000 // lastAckSentMs
    00000000 // lastDataReceivedMs
    00000000 // lastAckReceivedMs
    00000000 // pathMtuBytes
    00000000 // receiveThresholdBytes
    00000000 // rttUs
    00000000 // rttVarianceUs
    00000000 // sendThresholdSegments
    0a000000 // congestionWindowSegments
    00000000 // advertisedMssBytes
    03000000 // reorderingSegments
    00000000 // receiveRttUs
    00000000 // receiveSpaceBytes
    00000000 // totalRetransSegments
    ffffffffffffffff // pacingRateBytesPerSecond
    ffffffffffffffff // maxPacingRateBytesPerSecond
    0000000000000000 // bytesAcked
    0000000000000000 // bytesReceived
    00000000 // segmentsOut
    00000000 // segmentsIn
    00000000 // notSentBytes
    00000000 // minRttUs
    00000000 // dataSegmentsIn
    00000000 // dataSegmentsOut
    0000000000000000 // deliveryRateBytesPerSecond
    0000000000000000 // busyUs
    0000000000000000 // receiveWindowLimitedUs
    0000000000000000 // sendBufferLimitedUs
    00000000 // deliveredSegments
    00000000 // deliveredCeSegments
    0000000000000000 // bytesSent
    0000000000000000 // bytesRetransmitted
    00000000 // dsackDuplicates
    00000000 // reorderingsSeen
    00000000 // outOfOrderSegments
    00000000 // sendWindowBytes
    00000000 // receiveWindowBytes
    00000000 // rehashes
    0000 // rtoCount
    0000 // rtoRecoveries
    00000000 // rtoRecoveryMs
    00000000 // receivedCeSegments
    00000000 // deliveredEct1Bytes
    00000000 // deliveredEct0Bytes
    00000000 // deliveredCeBytes
    00000000 // receivedEct1Bytes
    00000000 // receivedEct0Bytes
    00000000 // receivedCeBytes
    00000000 // accEcnStatusBits
  08000400 62627200 // CONG
`)

/** A connection of 1000 bytes each way, with a mark, a type of service, a priority and a keepalive timer. */
export const TCP_RENO = hex(`
  02 // family
  01 // state
  02 // timer
  00 // retransmits
  d0ce97857f0000010000000000000000000000007f00000100000000000000000000000000000000d138120000000000 // id
  fcda6d00 // expiresMs
  e8030000 // recvQueue
  00000000 // sendQueue
  00000000 // uid
  bf883b00 // inode
  05000800 00 000000 // SHUTDOWN
  05000500 10 000000 // TOS
  08000f00 07000000 // MARK
  08001100 06000000 // CLASS_ID
  0c001500 0100000000000000 // CGROUP_ID
  06001600 5200 0000 // SOCKOPT
  14000100 2807000000000000d808000000000000 // MEMINFO
  28000700 28070000000002000000000000142800d808000000000000000000000000000000000000 // SKMEMINFO
  1c010200 // INFO
    01 // state
    00 // congestionState
    00 // retransmits
    00 // probes
    00 // backoff
    07 // options
    aa // windowScales
    01 // limits
    e01c0300 // rtoUs
    409c0000 // atoUs
    008a0000 // sendMssBytes
    e8030000 // receiveMssBytes
    00000000 // unackedSegments
    00000000 // sackedSegments
    00000000 // lostSegments
    00000000 // retransSegments
    00000000 // fackets
    04020000 // lastDataSentMs
    00000000 // lastAckSentMs
    04020000 // lastDataReceivedMs
    04020000 // lastAckReceivedMs
    ffff0000 // pathMtuBytes
    1d120100 // receiveThresholdBytes
    19000000 // rttUs
    0e000000 // rttVarianceUs
    ffffff7f // sendThresholdSegments
    0a000000 // congestionWindowSegments
    cbff0000 // advertisedMssBytes
    03000000 // reorderingSegments
    00000000 // receiveRttUs
    d7ff0000 // receiveSpaceBytes
    00000000 // totalRetransSegments
    12b57b6b06000000 // pacingRateBytesPerSecond
    ffffffffffffffff // maxPacingRateBytesPerSecond
    e903000000000000 // bytesAcked
    e803000000000000 // bytesReceived
    04000000 // segmentsOut
    03000000 // segmentsIn
    00000000 // notSentBytes
    09000000 // minRttUs
    01000000 // dataSegmentsIn
    01000000 // dataSegmentsOut
    55d5f7e900000000 // deliveryRateBytesPerSecond
    0000000000000000 // busyUs
    0000000000000000 // receiveWindowLimitedUs
    0000000000000000 // sendBufferLimitedUs
    02000000 // deliveredSegments
    00000000 // deliveredCeSegments
    e803000000000000 // bytesSent
    0000000000000000 // bytesRetransmitted
    00000000 // dsackDuplicates
    00000000 // reorderingsSeen
    00000000 // outOfOrderSegments
    00140100 // sendWindowBytes
    00140100 // receiveWindowBytes
    00000000 // rehashes
    0000 // rtoCount
    0000 // rtoRecoveries
    00000000 // rtoRecoveryMs
    00000000 // receivedCeSegments
    00000000 // deliveredEct1Bytes
    00000000 // deliveredEct0Bytes
    00000000 // deliveredCeBytes
    00000000 // receivedEct1Bytes
    00000000 // receivedEct0Bytes
    00000000 // receivedCeBytes
    00000000 // accEcnStatusBits
  09000400 72656e6f00 000000 // CONG
`)

/** A sender whose peer does not read: IPv6, zero window, persist timer. */
export const TCP6_STALLED = hex(`
  0a // family
  01 // state
  04 // timer
  00 // retransmits
  db16b347000000000000000000000000000000010000000000000000000000000000000100000000d738120000000000 // id
  cc000000 // expiresMs
  e8030000 // recvQueue
  00422500 // sendQueue
  00000000 // uid
  c7883b00 // inode
  05000800 00 000000 // SHUTDOWN
  05000500 00 000000 // TOS
  05000600 20 000000 // TCLASS
  08000f00 07000000 // MARK
  08001100 03000000 // CLASS_ID
  0c001500 0100000000000000 // CGROUP_ID
  06001600 1200 0000 // SOCKOPT
  14000100 28070000402226009806000000000000 // MEMINFO
  28000700 280700000000020000000000001428009806000040222600000000000000000000000000 // SKMEMINFO
  1c010200 // INFO
    01 // state
    00 // congestionState
    00 // retransmits
    00 // probes
    01 // backoff
    07 // options
    aa // windowScales
    00 // limits
    203c0300 // rtoUs
    409c0000 // atoUs
    008a0000 // sendMssBytes
    e8030000 // receiveMssBytes
    00000000 // unackedSegments
    00000000 // sackedSegments
    00000000 // lostSegments
    00000000 // retransSegments
    00000000 // fackets
    cc010000 // lastDataSentMs
    00000000 // lastAckSentMs
    10020000 // lastDataReceivedMs
    dc000000 // lastAckReceivedMs
    00000100 // pathMtuBytes
    1d120100 // receiveThresholdBytes
    062a0000 // rttUs
    43480000 // rttVarianceUs
    ffffff7f // sendThresholdSegments
    0a000000 // congestionWindowSegments
    b8ff0000 // advertisedMssBytes
    03000000 // reorderingSegments
    00000000 // receiveRttUs
    c4ff0000 // receiveSpaceBytes
    02000000 // totalRetransSegments
    5120ea0300000000 // pacingRateBytesPerSecond
    ffffffffffffffff // maxPacingRateBytesPerSecond
    e9f3010000000000 // bytesAcked
    e803000000000000 // bytesReceived
    0b000000 // segmentsOut
    06000000 // segmentsIn
    00422500 // notSentBytes
    02000000 // minRttUs
    01000000 // dataSegmentsIn
    07000000 // dataSegmentsOut
    1eb8240000000000 // deliveryRateBytesPerSecond
    800e080000000000 // busyUs
    800e080000000000 // receiveWindowLimitedUs
    0000000000000000 // sendBufferLimitedUs
    08000000 // deliveredSegments
    00000000 // deliveredCeSegments
    e8cf020000000000 // bytesSent
    00dc000000000000 // bytesRetransmitted
    02000000 // dsackDuplicates
    00000000 // reorderingsSeen
    00000000 // outOfOrderSegments
    00000000 // sendWindowBytes
    00140100 // receiveWindowBytes
    00000000 // rehashes
    0000 // rtoCount
    0000 // rtoRecoveries
    00000000 // rtoRecoveryMs
    00000000 // receivedCeSegments
    00000000 // deliveredEct1Bytes
    00000000 // deliveredEct0Bytes
    00000000 // deliveredCeBytes
    00000000 // receivedEct1Bytes
    00000000 // receivedEct0Bytes
    00000000 // receivedCeBytes
    00000000 // accEcnStatusBits
  0a000400 637562696300 0000 // CONG
`)

/** A subflow of an MPTCP connection, with BBR. */
export const TCP_SUBFLOW = hex(`
  02 // family
  01 // state
  00 // timer
  00 // retransmits
  c2e39e5a7f0000010000000000000000000000007f00000100000000000000000000000000000000d238120000000000 // id
  00000000 // expiresMs
  00000000 // recvQueue
  00000000 // sendQueue
  00000000 // uid
  c5883b00 // inode
  05000800 00 000000 // SHUTDOWN
  05000500 00 000000 // TOS
  08000f00 00000000 // MARK
  08001100 00000000 // CLASS_ID
  0c001500 0100000000000000 // CGROUP_ID
  06001600 5200 0000 // SOCKOPT
  14000100 0000000000000000d808000000000000 // MEMINFO
  28000700 000000000000020000000000001e3c00d808000000000000000000000000000000000000 // SKMEMINFO
  1c010200 // INFO
    01 // state
    00 // congestionState
    00 // retransmits
    00 // probes
    00 // backoff
    07 // options
    aa // windowScales
    01 // limits
    e01c0300 // rtoUs
    409c0000 // atoUs
    00800000 // sendMssBytes
    e8030000 // receiveMssBytes
    00000000 // unackedSegments
    00000000 // sackedSegments
    00000000 // lostSegments
    00000000 // retransSegments
    00000000 // fackets
    04020000 // lastDataSentMs
    00000000 // lastAckSentMs
    04020000 // lastDataReceivedMs
    04020000 // lastAckReceivedMs
    ffff0000 // pathMtuBytes
    1d120100 // receiveThresholdBytes
    08000000 // rttUs
    04000000 // rttVarianceUs
    ffffff7f // sendThresholdSegments
    0b000000 // congestionWindowSegments
    cbff0000 // advertisedMssBytes
    03000000 // reorderingSegments
    00000000 // receiveRttUs
    cbff0000 // receiveSpaceBytes
    00000000 // totalRetransSegments
    934def3918000000 // pacingRateBytesPerSecond
    ffffffffffffffff // maxPacingRateBytesPerSecond
    e803000000000000 // bytesAcked
    e803000000000000 // bytesReceived
    02000000 // segmentsOut
    04000000 // segmentsIn
    00000000 // notSentBytes
    04000000 // minRttUs
    01000000 // dataSegmentsIn
    01000000 // dataSegmentsOut
    000048e801000000 // deliveryRateBytesPerSecond
    0000000000000000 // busyUs
    0000000000000000 // receiveWindowLimitedUs
    0000000000000000 // sendBufferLimitedUs
    02000000 // deliveredSegments
    00000000 // deliveredCeSegments
    e803000000000000 // bytesSent
    0000000000000000 // bytesRetransmitted
    00000000 // dsackDuplicates
    00000000 // reorderingsSeen
    00000000 // outOfOrderSegments
    00000100 // sendWindowBytes
    00140100 // receiveWindowBytes
    00000000 // rehashes
    0000 // rtoCount
    0000 // rtoRecoveries
    00000000 // rtoRecoveryMs
    00000000 // receivedCeSegments
    00000000 // deliveredEct1Bytes
    00000000 // deliveredEct0Bytes
    00000000 // deliveredCeBytes
    00000000 // receivedEct1Bytes
    00000000 // receivedEct0Bytes
    00000000 // receivedCeBytes
    00000000 // accEcnStatusBits
  08000400 62627200 // CONG
  68001300 0a0001006d7074637000000058000300080001000000000008000200f143059408000800c1000000050009000000000005000a000000000008000300e90300000c000400b50285ac77c25b4208000500010000000800060090b545bc06000700e8030000 // ULP_INFO
  18001000 000048e80100000004000000e3020000e3020000 // BBRINFO
`)

/** The server end of a connection, with BBR. */
export const TCP_BBR = hex(`
  02 // family
  01 // state
  00 // timer
  00 // retransmits
  afe9a5707f0000010000000000000000000000007f00000100000000000000000000000000000000cd38120000000000 // id
  00000000 // expiresMs
  00000000 // recvQueue
  00000000 // sendQueue
  00000000 // uid
  00000000 // inode
  05000800 00 000000 // SHUTDOWN
  05000500 00 000000 // TOS
  08000f00 00000000 // MARK
  08001100 00000000 // CLASS_ID
  0c001500 0100000000000000 // CGROUP_ID
  06001600 5200 0000 // SOCKOPT
  14000100 00000000000000000000000000000000 // MEMINFO
  28000700 000000000000020000000000001e3c000000000000000000000000000000000000000000 // SKMEMINFO
  1c010200 // INFO
    01 // state
    00 // congestionState
    00 // retransmits
    00 // probes
    00 // backoff
    07 // options
    aa // windowScales
    01 // limits
    e01c0300 // rtoUs
    00000000 // atoUs
    00800000 // sendMssBytes
    18020000 // receiveMssBytes
    00000000 // unackedSegments
    00000000 // sackedSegments
    00000000 // lostSegments
    00000000 // retransSegments
    00000000 // fackets
    fc010000 // lastDataSentMs
    00000000 // lastAckSentMs
    fc010000 // lastDataReceivedMs
    fc010000 // lastAckReceivedMs
    ffff0000 // pathMtuBytes
    cbff0000 // receiveThresholdBytes
    07000000 // rttUs
    03000000 // rttVarianceUs
    ffffff7f // sendThresholdSegments
    0a000000 // congestionWindowSegments
    cbff0000 // advertisedMssBytes
    03000000 // reorderingSegments
    00000000 // receiveRttUs
    cbff0000 // receiveSpaceBytes
    00000000 // totalRetransSegments
    1582ea251f000000 // pacingRateBytesPerSecond
    ffffffffffffffff // maxPacingRateBytesPerSecond
    0000000000000000 // bytesAcked
    0000000000000000 // bytesReceived
    00000000 // segmentsOut
    02000000 // segmentsIn
    00000000 // notSentBytes
    07000000 // minRttUs
    00000000 // dataSegmentsIn
    00000000 // dataSegmentsOut
    0000000000000000 // deliveryRateBytesPerSecond
    0000000000000000 // busyUs
    0000000000000000 // receiveWindowLimitedUs
    0000000000000000 // sendBufferLimitedUs
    01000000 // deliveredSegments
    00000000 // deliveredCeSegments
    0000000000000000 // bytesSent
    0000000000000000 // bytesRetransmitted
    00000000 // dsackDuplicates
    00000000 // reorderingsSeen
    00000000 // outOfOrderSegments
    00000100 // sendWindowBytes
    cbff0000 // receiveWindowBytes
    00000000 // rehashes
    0000 // rtoCount
    0000 // rtoRecoveries
    00000000 // rtoRecoveryMs
    00000000 // receivedCeSegments
    00000000 // deliveredEct1Bytes
    00000000 // deliveredEct0Bytes
    00000000 // deliveredCeBytes
    00000000 // receivedEct1Bytes
    00000000 // receivedEct0Bytes
    00000000 // receivedCeBytes
    00000000 // accEcnStatusBits
  08000400 62627200 // CONG
  18001000 0000000000000000070000000000000000000000 // BBRINFO
`)

/** An MPTCP connection. */
export const MPTCP_CONNECTION = hex(`
  02 // family
  01 // state
  00 // timer
  00 // retransmits
  c2e39e5a7f0000010000000000000000000000007f00000100000000000000000000000000000000d838120000000000 // id
  00000000 // expiresMs
  00000000 // recvQueue
  00000000 // sendQueue
  00000000 // uid
  c5883b00 // inode
  05000800 00 000000 // SHUTDOWN
  05000500 00 000000 // TOS
  08000f00 00000000 // MARK
  08001100 00000000 // CLASS_ID
  0c001500 0100000000000000 // CGROUP_ID
  06001600 5200 0000 // SOCKOPT
  14000100 00000000000000002807000000000000 // MEMINFO
  28000700 000000000000020000000000002e3c002807000000000000000000000000000000000000 // SKMEMINFO
  64000200 // INFO
    00 // subflows
    00 // addressesSignalled
    00 // addressesAccepted
    02 // subflowsLimit
    00 // addressesSignalledLimit
    00 // addressesAcceptedLimit
    0000 // pad0
    02000000 // flags
    f1430594 // token
    de0edb6c59609977 // writeSequence
    de0edb6c59609977 // sendUnacknowledged
    9d0685ac77c25b42 // receiveNext
    00 // localAddressesUsed
    00 // localAddressesLimit
    00 // checksumEnabled
    00 // pad1
    00000000 // retransmits
    0000000000000000 // bytesRetransmitted
    e803000000000000 // bytesSent
    e803000000000000 // bytesReceived
    e803000000000000 // bytesAcked
    01 // subflowsTotal
    00 // endpointsLocal
    00 // endpointsFullmesh
    00 // endpointsSubflow
    20020000 // lastDataSentMs
    20020000 // lastDataReceivedMs
    20020000 // lastAckReceivedMs
`)
