import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  addInterfaceColumns,
  parseMountinfo,
  parsePasswd,
  parsePortRange,
  parseProtocols,
  parseServices,
  parseSnmp6Index,
} from '../../src/sockets/names.js'
import { isMachineWide, machineCounts, namespaceCounts, parseSockstat } from '../../src/sockets/sockstat.js'

test('services: the first line of a port counts, aliases lead back, comments and damage are passed over', () => {
  const services = parseServices(
    'http\t80/tcp\twww # World Wide Web\nother 80/tcp\n#ssh 22/tcp\ndomain 53/udp\nbad\nworse x/tcp\nhuge 99999/tcp\n',
  )
  expect(services.nameOf(80, 'tcp')).toBe('http')
  expect(services.portOf('www', 'tcp')).toBe(80)
  expect(services.nameOf(53, 'tcp')).toBeNull()
  expect(services.nameOf(22, 'tcp')).toBeNull()
  expect(services.nameOf(53, 'udp')).toBe('domain')
  expect(services.portOf('huge', 'tcp')).toBeNull()
  expect(parseServices('').nameOf(80, 'tcp')).toBeNull()
})

test('users both ways', () => {
  const users = parsePasswd(
    'root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\nnobody:x:65534:65534::/:\nbad\n::5:\nx:y:z:\n',
  )
  expect(users.nameOf(0)).toBe('root')
  expect(users.uidOf('toor')).toBe(0)
  expect(users.uidOf('nobody')).toBe(65534)
  expect(users.nameOf(5)).toBeNull()
})

test('interface names from igmp and dev_mcast', () => {
  const names = new Map<number, string>()
  addInterfaceColumns(
    'Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n1\tlo        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n7\tverylongname0:     1      V3\n',
    names,
  )
  addInterfaceColumns('2    ifb0            1     0     333300000001\n1    other 1 0 00\n', names)
  expect([...names]).toEqual([
    [1, 'lo'],
    [7, 'verylongname0'],
    [2, 'ifb0'],
  ])
  expect(parseSnmp6Index('ifIndex                         \t4\nIp6InReceives 1\n')).toBe(4)
  expect(parseSnmp6Index('nothing')).toBeNull()
})

test('mountinfo: optional fields vary in number, octal escapes are undone', () => {
  const mounts = parseMountinfo(
    '22 27 0:21 / /proc rw,relatime - proc proc rw,hidepid=2\n' +
      '43 42 0:4 net:[4026532246] /run/netns/a\\040b rw shared:2 master:1 - nsfs nsfs rw\nbad line\n',
  )
  expect(mounts).toEqual([
    { root: '/', mountPoint: '/proc', type: 'proc', superOptions: 'rw,hidepid=2' },
    { root: 'net:[4026532246]', mountPoint: '/run/netns/a b', type: 'nsfs', superOptions: 'rw' },
  ])
})

test('port range and protocols', () => {
  expect(parsePortRange('32768\t60999\n')).toEqual({ low: 32768, high: 60999 })
  expect(parsePortRange('')).toBeNull()
  expect(parseProtocols('# c\nip 0 IP\nicmp\t1\tICMP\ntcp 6\nbad x\n').get(1)).toBe('icmp')
})

const SOCKSTAT = `sockets: used 14
TCP: inuse 3 orphan 9 tw 2 alloc 100015 mem 181
UDP: inuse 1 mem 5
UDPLITE: inuse 0
RAW: inuse 0
FRAG: inuse 0 memory 0
`

test('sockstat: what is per namespace and what is the whole machine', () => {
  const stat = parseSockstat(SOCKSTAT)
  const stat6 = parseSockstat('TCP6: inuse 4\nUDP6: inuse 0\n')
  expect(namespaceCounts(stat, stat6)).toEqual({
    total: 14,
    tcp: { inet: 3, inet6: 4 },
    udp: { inet: 1, inet6: 0 },
    raw: { inet: 0, inet6: null },
    fragments: { inet: 0, inet6: null },
    timeWait: 2,
  })
  expect(machineCounts(stat)).toEqual({ tcpOrphans: 9, tcpAllocated: 100015, tcpMemoryPages: 181, udpMemoryPages: 5 })
  expect(isMachineWide('TCP', 'alloc')).toBe(true)
  expect(isMachineWide('TCP', 'tw')).toBe(false)
  expect(isMachineWide('toString', 'alloc')).toBe(false)
})

test('sockstat: unknown lines and damaged numbers are left out, not made 0', () => {
  expect(parseSockstat('NEW: a 1 b x c\nnoise\n:\n')).toEqual({ NEW: { a: 1 } })
  expect(namespaceCounts(parseSockstat(''), parseSockstat('')).total).toBeNull()
})

test('no text makes a parser throw', () => {
  const parsers = [
    parseServices,
    parsePasswd,
    parseMountinfo,
    parseSockstat,
    parsePortRange,
    parseSnmp6Index,
    parseProtocols,
  ]
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), text => {
      for (const parser of parsers) parser(text)
      addInterfaceColumns(text, new Map())
    }),
  )
})
