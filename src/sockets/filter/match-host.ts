// Address and port predicates over records, with the semantics of the kernel's INET_DIAG_BC_S_COND and D_COND.

import { prefixMask } from '../../bytes/address.js'
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_TIPC, AF_UNIX, AF_VSOCK } from '../constants.js'
import { type SocketRecord, UNKNOWN } from '../record.js'
import type { FilterFamily, HostPattern, IpBlock, Predicate, Ranges, Side } from './ast.js'
import { compileGlob } from './glob.js'
import { inRanges } from './ranges.js'

type Test = (record: SocketRecord) => boolean
type Read = (record: SocketRecord) => number

/** AF_ numbers of the words that a condition may be confined to. */
export const FAMILY_NUMBERS: Readonly<Record<FilterFamily, number>> = {
  inet: AF_INET,
  inet6: AF_INET6,
  unix: AF_UNIX,
  link: AF_PACKET,
  netlink: AF_NETLINK,
  vsock: AF_VSOCK,
}

/** What a listing shows in the port column: a port, an inode of a unix socket, a netlink port id, an interface. */
export function localPort(record: SocketRecord): number {
  switch (record.family) {
    case AF_INET:
    case AF_INET6:
      return record.localPort
    case AF_UNIX:
      return record.inode >>> 0
    case AF_NETLINK:
      return record.netlink ? record.netlink.portId >>> 0 : UNKNOWN
    case AF_PACKET:
      return record.ifindex
    default:
      return portNumber(record.other?.localPort)
  }
}

function peerPort(record: SocketRecord): number {
  switch (record.family) {
    case AF_INET:
    case AF_INET6:
      return record.peerPort
    case AF_UNIX:
      return record.unix?.peerInode ?? UNKNOWN
    case AF_NETLINK:
      return record.netlink ? record.netlink.peerPortId >>> 0 : UNKNOWN
    default:
      return portNumber(record.other?.peerPort)
  }
}

function portNumber(port: number | null | undefined): number {
  return port === null || port === undefined || port === UNKNOWN ? UNKNOWN : port >>> 0
}

const portReader = (side: Side): Read => (side === 'local' ? localPort : peerPort)

/** `sport` and `dport`; a family word confines the predicate to that family, `!=` included. */
export function compilePort({ side, family, ranges, negated }: Extract<Predicate, { kind: 'port' }>): Test {
  const read = portReader(side)
  const wanted = family === null ? 0 : FAMILY_NUMBERS[family]
  if (ranges.length === 1 && !negated && wanted === 0) {
    const [low, high] = ranges[0]!
    return record => {
      const port = read(record)
      return port >= low && port <= high
    }
  }
  return record => {
    if (wanted !== 0 && record.family !== wanted) return false
    const port = read(record)
    return port !== UNKNOWN && inRanges(ranges, port) !== negated
  }
}

/** `src` and `dst` */
export function compileHost({ side, family, host, ports, negated }: Extract<Predicate, { kind: 'host' }>): Test {
  const wanted = family === null ? 0 : FAMILY_NUMBERS[family]
  const needsIp = host.kind === 'ip'
  const address = addressTest(side, family, host)
  const port = ports === null ? null : portTest(side, ports)
  const read = ports === null ? null : portReader(side)
  return record => {
    if (wanted !== 0 ? record.family !== wanted : needsIp && !isIp(record)) return false
    if (read !== null && read(record) === UNKNOWN) return false
    return (address(record) && (port === null || port(record))) !== negated
  }
}

function isIp(record: SocketRecord): boolean {
  return record.family === AF_INET || record.family === AF_INET6
}

function portTest(side: Side, ranges: Ranges): Test {
  const read = portReader(side)
  return record => inRanges(ranges, read(record))
}

function addressTest(side: Side, family: FilterFamily | null, host: HostPattern): Test {
  switch (host.kind) {
    case 'any':
      return () => true
    case 'ip': {
      const tests = host.blocks.map(block => blockTest(side, block))
      if (tests.length === 1) return tests[0]!
      return record => {
        for (let i = 0; i < tests.length; i++) if (tests[i]!(record)) return true
        return false
      }
    }
    case 'glob': {
      const matches = compileGlob(host.glob, true)
      return record => matches((side === 'local' ? record.unix?.path : record.unix?.peerPath) ?? '')
    }
    case 'number':
      return numberTest(side, family, host.value)
    case 'name':
      throw new Error(`The host name ${host.name} was not resolved before the filter was compiled.`)
  }
}

function numberTest(side: Side, family: FilterFamily | null, value: number): Test {
  if (family === 'netlink') return record => record.netlink?.protocol === value
  // A packet socket has no peer.
  if (family === 'link') return record => side === 'local' && record.packet?.ethertype === value
  const texts = value === 0xffffffff ? ['*', '-1', String(value)] : [String(value)]
  return record => {
    const address = side === 'local' ? record.other?.localAddress : record.other?.peerAddress
    return address !== undefined && record.family !== AF_TIPC && texts.includes(address)
  }
}

/** An IPv4 block matches v4-mapped addresses of IPv6 sockets too, an IPv6 block only IPv6 sockets: as the kernel has it. */
function blockTest(side: Side, block: IpBlock): Test {
  return block.version === 4 ? ipv4Test(side, block) : ipv6Test(side, block)
}

function ipv4Test(side: Side, { words, prefix }: IpBlock): Test {
  const mask = prefixMask(prefix) | 0
  const wanted = words[0] | 0
  if (side === 'local') {
    return record => {
      if (record.family === AF_INET) return (record.local0 & mask) === wanted
      if (record.family !== AF_INET6 || record.local0 !== 0 || record.local1 !== 0) return false
      return record.local2 >>> 0 === 0xffff && (record.local3 & mask) === wanted
    }
  }
  return record => {
    if (record.family === AF_INET) return (record.peer0 & mask) === wanted
    if (record.family !== AF_INET6 || record.peer0 !== 0 || record.peer1 !== 0) return false
    return record.peer2 >>> 0 === 0xffff && (record.peer3 & mask) === wanted
  }
}

function ipv6Test(side: Side, { words, prefix }: IpBlock): Test {
  const [mask0, mask1, mask2, mask3] = [0, 32, 64, 96].map(from => prefixMask(prefix - from) | 0) as Four
  const [word0, word1, word2, word3] = words.map(word => word | 0) as Four
  if (side === 'local') {
    return record =>
      record.family === AF_INET6 &&
      (record.local0 & mask0) === word0 &&
      (record.local1 & mask1) === word1 &&
      (record.local2 & mask2) === word2 &&
      (record.local3 & mask3) === word3
  }
  return record =>
    record.family === AF_INET6 &&
    (record.peer0 & mask0) === word0 &&
    (record.peer1 & mask1) === word1 &&
    (record.peer2 & mask2) === word2 &&
    (record.peer3 & mask3) === word3
}

type Four = [number, number, number, number]
