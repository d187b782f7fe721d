import { describe, expect, it } from 'vitest'
import {
  compileFilter,
  EMPTY_CONTEXT,
  type FilterContext,
  parseFilter,
  withAddresses,
} from '../../../src/sockets/filter/index.js'
import { type SocketRecord, UNKNOWN } from '../../../src/sockets/record.js'
import { record, tcpInfo, u32 } from './records.js'

const context: FilterContext = {
  ephemeralPorts: netns => (netns === 1 ? [40000, 40009] : [32768, 60999]),
  interfaceIndex: (name, netns) => (name === 'eth0' ? 2 + netns : null),
  uidOf: user => ({ root: 0, app: 1000 })[user] ?? null,
  userOf: uid => ({ 0: 'root', 1000: 'app' })[uid] ?? null,
  cgroupId: path => (path === '/web' ? 42n : null),
  cgroupPath: id => (id === 42n ? '/web' : id === 43n ? '/db' : null),
  holders: inode =>
    inode === 7
      ? [
          { pid: 10, name: 'nginx', fd: 3 },
          { pid: 11, name: 'a) b', fd: 3 },
        ]
      : inode === 8
        ? []
        : null,
  netnsLabel: netns => (netns === 1 ? 'blue' : null),
}
const is = (text: string, socket: SocketRecord): boolean => compileFilter(parseFilter(text), context)(socket)

const SKMEM = (drops: number): [number, Uint8Array] => [7, u32(0, 0, 0, 0, 0, 0, 0, 0, drops)]
const tcp = record({ localPort: 22, peerPort: 50000, local0: 0x0a010203, peer0: -1, inode: 7, uid: 1000, ifindex: 2 }, [
  [2, tcpInfo({ 68: 1500, 44: 9000, 52: 200, 100: 3, 148: 1000, 80: 10 })],
  SKMEM(5),
  [15, u32(0x80000010)],
  [21, u32(42, 0)],
])
const udp = record({ protocol: 'udp', state: 7, localPort: 53, inode: 8 }, [SKMEM(9)])
const mini = record({ state: 6, uid: UNKNOWN, timer: 3, localPort: 80, peerPort: 40005, netns: 1 }, [[15, u32(0)]])
const fromProcfs = record({
  source: 'procfs',
  localPort: 22,
  sendQueue: UNKNOWN,
  procDrops: 4,
  cookieLow: -1,
  cookieHigh: -1,
})
const unix = record({
  family: 1,
  protocol: 'unix',
  inode: 70,
  unix: { path: '/Run/app.sock', peerInode: 71, peerPath: '@peer', pendingInodes: [] },
})
const nobody = record({
  family: 1,
  protocol: 'unix',
  inode: 72,
  unix: { path: null, peerInode: null, peerPath: null, pendingInodes: [] },
})
const mapped = record({ family: 10, local2: 0xffff, local3: 0x0a010203, peer0: 0x20010db8, peer3: 1 })
const compatible = record({ family: 10, local3: 0x0a010203 })
const packet = record({
  family: 17,
  protocol: 'packet',
  ifindex: 2,
  packet: { ethertype: 0x0806 } as SocketRecord['packet'],
})
const netlink = record({
  family: 16,
  protocol: 'netlink',
  netlink: { protocol: 0, portId: -5, peerPortId: 0, peerGroup: 0, groups: null, flags: null },
})
const vsock = record({
  family: 40,
  protocol: 'vsock',
  other: { localAddress: '*', localPort: 1024, peerAddress: '2', peerPort: 9 },
})

describe('compileFilter', () => {
  const cases: [string, Record<string, boolean>][] = [
    // Ports of all families
    ['sport = 22', { tcp: true, udp: false, fromProcfs: true, unix: false }],
    ['sport = 70', { unix: true, nobody: false }],
    ['dport = 71', { unix: true, nobody: false }],
    ['dport != 71', { unix: false, nobody: false, tcp: true }],
    ['not dport = 71', { unix: false, nobody: true }],
    ['sport = 2', { packet: true }],
    ['sport = netlink:4294967291', { netlink: true }],
    ['dport = 9', { vsock: true }],
    ['sport = inet:22', { tcp: true, unix: false, mapped: false }],
    ['sport != inet:22', { tcp: false, udp: true, unix: false, mapped: false }],
    // Addresses
    ['src 10.1.2.3', { tcp: true, mapped: true, compatible: false, udp: false, unix: false }],
    ['dst != *:5', { tcp: true, packet: false, nobody: false }],
    ['dst *:9', { vsock: true, packet: false }],
    ['src != 10.1.2.3', { tcp: false, mapped: false, udp: true, unix: false, packet: false }],
    ['src inet:10.1.2.3', { tcp: true, mapped: false }],
    ['src inet6:10.1.2.3', { tcp: false, mapped: true }],
    ['src 0.0.0.0/0', { tcp: true, mapped: true, unix: false }],
    ['src [::]/0', { tcp: false, mapped: true }],
    ['dst 255.255.255.255', { tcp: true, udp: false }],
    ['dst 2001:db8::1', { mapped: true, tcp: false }],
    ['dst 2001:db8::/32:0', { mapped: true }],
    ['src 10.1.2.3:22', { tcp: true, mapped: false }],
    ['src *', { tcp: true, unix: true, packet: true }],
    ['src unix:/run/*', { unix: true, nobody: false, tcp: false }],
    ['src != unix:/run/*', { unix: false, nobody: true, tcp: false }],
    ['dst unix:@PEER', { unix: true, nobody: false }],
    ['src unix:*', { unix: true, nobody: true, tcp: false }],
    ['src link:arp', { packet: true, tcp: false }],
    ['src link:arp:eth0', { packet: true }],
    ['dst link:arp', { packet: false }],
    ['src netlink:route', { netlink: true, tcp: false }],
    ['src netlink:audit', { netlink: false }],
    ['dst netlink:*:kernel', { netlink: true }],
    ['src vsock:any:1024', { vsock: true, unix: false }],
    ['dst vsock:host', { vsock: true }],
    // Unknown fields: neither = nor != holds, and `not` does
    ['rtt = 1.5', { tcp: true, udp: false, mini: false, fromProcfs: false }],
    ['rtt != 2', { tcp: true, udp: false, mini: false, unix: false }],
    ['not rtt = 1.5', { tcp: false, udp: true, mini: true, unix: true }],
    ['pid = 11', { tcp: true, udp: false, mini: false }],
    ['pid != 11', { tcp: false, udp: false, mini: false }],
    ['pid != 99', { tcp: true, udp: false, mini: false }],
    ['uid != 0', { tcp: true, udp: false, mini: false }],
    ['uid >= 0', { tcp: true, udp: true, mini: false }],
    ['sendq >= 0', { tcp: true, fromProcfs: false }],
    ['cookie != 5', { tcp: true, fromProcfs: false }],
    ['cookie = 0', { tcp: true, fromProcfs: false }],
    ['peer-inode = 71', { unix: true, nobody: false, tcp: false }],
    ['timer = none', { tcp: true, mini: false, unix: false }],
    ['timer != none', { tcp: false, mini: true, unix: false }],
    // Numbers
    ['idle = 200ms', { tcp: true }],
    ['lastsnd > 5s and retrans = 3 and minrtt = 1 and cwnd >= 10', { tcp: true, udp: false }],
    ['drops = 5', { tcp: true, udp: false }],
    ['drops > 0', { tcp: true, udp: true, fromProcfs: true, mini: false }],
    // Text
    ['comm = nginx', { tcp: true, udp: false }],
    ['comm = "a) b"', { tcp: true }],
    ['comm ~ ng?n*', { tcp: true, udp: false, mini: false }],
    ['comm !~ post*', { tcp: true, udp: false }],
    ['user = app', { tcp: true, udp: false, mini: false }],
    ['user = 1000', { tcp: true }],
    ['user != root', { tcp: true, udp: false, mini: false }],
    ['user ~ [!r]*', { tcp: true, udp: false }],
    ['user = nosuchuser', { tcp: false, udp: false }],
    ['path ~ /Run/*', { unix: true, nobody: false, tcp: false }],
    ['path ~ /run/*', { unix: false }],
    ['path = /Run/app.sock', { unix: true }],
    ['netns = blue', { mini: true, tcp: false }],
    ['netns != blue', { mini: false, tcp: false }],
    ['not netns = blue', { tcp: true }],
    // Things the kernel compares, too
    ['cgroup = /web', { tcp: true, mini: false, fromProcfs: false }],
    ['cgroup != /web', { tcp: false, mini: true, fromProcfs: false }],
    ['cgroup ~ /w*', { tcp: true, mini: false }],
    ['cgroup !~ /d*', { tcp: true, mini: true, fromProcfs: false }],
    ['cgroup = /gone', { tcp: false }],
    ['cgroup != /gone', { tcp: true }],
    ['fwmark = 0x80000010', { tcp: true, mini: false, udp: false }],
    ['fwmark = 0x10/0xff', { tcp: true }],
    ['fwmark != 0', { tcp: true, mini: false, udp: false }],
    ['dev = eth0', { tcp: true, udp: false, fromProcfs: false }],
    ['dev != eth0', { tcp: false, udp: true, fromProcfs: false, mini: true }],
    ['dev = 2', { tcp: true }],
    ['dev = missing', { tcp: false, udp: false }],
    ['state = time-wait', { mini: true, tcp: false }],
    ['state != bucket', { mini: false, tcp: true }],
    ['', { tcp: true, unix: true, mini: true }],
  ]
  const sockets: Record<string, SocketRecord> = {
    tcp,
    udp,
    mini,
    fromProcfs,
    unix,
    nobody,
    mapped,
    compatible,
    packet,
    netlink,
    vsock,
  }
  it.each(cases)('%s', (text, expected) => {
    const found = Object.fromEntries(Object.keys(expected).map(name => [name, is(text, sockets[name]!)]))
    expect(found).toEqual(expected)
  })

  it('splits every family between autobound and not autobound, by the ephemeral range of the namespace', () => {
    for (const socket of Object.values(sockets)) expect(is('autobound', socket)).toBe(!is('not autobound', socket))
    const bound = (localPort: number, netns: number) => record({ localPort, netns })
    expect(is('autobound', bound(40009, 1))).toBe(true)
    expect(is('autobound', bound(40010, 1))).toBe(false)
    expect(is('autobound', bound(40010, 0))).toBe(true)
    expect(is('autobound', nobody)).toBe(true)
    expect(is('autobound', netlink)).toBe(true)
  })

  it('does not take start values and reused fields of tcp_info for measurements', () => {
    const info: [number, Uint8Array] = [2, tcpInfo({ 44: 400_000_000, 52: 400_000_000, 24: 3 })]
    for (const state of [10, 7, 2, 3]) expect(is('idle > 1h', record({ state }, [info]))).toBe(false)
    expect(is('unacked = 3', record({ state: 10 }, [info]))).toBe(false)
    expect(is('rtt = 0', record({}, [info]))).toBe(false)
    expect(is('retrans = 0', record({ state: 2 }, [info]))).toBe(true)
    expect(is('retrans = 0', record({ protocol: 'mptcp' }, [info]))).toBe(false)
    expect(is('retrans = 0', record({}, [[2, new Uint8Array(100)]]))).toBe(false)
  })

  it('matches any of the addresses of a name, and all others with !=', () => {
    const addresses = new Map([['db', ['10.1.2.9', '10.1.2.3', '2001:db8::1%eth0']]])
    const resolved = (text: string) => compileFilter(withAddresses(parseFilter(text), addresses), context)
    expect(resolved('src db')(tcp)).toBe(true)
    expect(resolved('src db:22')(tcp)).toBe(true)
    expect(resolved('src db:23')(tcp)).toBe(false)
    expect(resolved('src != db')(tcp)).toBe(false)
    expect(resolved('not src db')(udp)).toBe(true)
    expect(resolved('dst db')(mapped)).toBe(true)
    expect(resolved('dst inet:db')(mapped)).toBe(false)
    expect(() => compileFilter(parseFilter('src db'), EMPTY_CONTEXT)).toThrow(/not resolved/)
  })

  it('allocates nothing per record for addresses, ports and numbers', () => {
    const text =
      '(src 10.0.0.0/8:22,80 or dst 2001:db8::/32) and rtt > 1ms and not sport = 23,25 and dev = eth0 or fwmark = 1'
    const matches = compileFilter(parseFilter(text), context)
    const records = [tcp, udp, mini, mapped, fromProcfs]
    const loop = (times: number): number => {
      let count = 0
      for (let i = 0; i < times; i++) for (let j = 0; j < records.length; j++) if (matches(records[j]!)) count++
      return count
    }
    loop(100_000)
    const before = process.memoryUsage().heapUsed
    expect(loop(400_000)).toBeGreaterThan(0)
    // Two million evaluations: one small object each would be 32 MB or more, with collections in between.
    expect(Math.abs(process.memoryUsage().heapUsed - before)).toBeLessThan(2_000_000)
  })
})
