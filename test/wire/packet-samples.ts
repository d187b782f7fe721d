// One packet of every kind of layer that is walked through, and what is in it.

import { concat } from '../sockets/diag/build.js'
import { hex } from '../sockets/diag/samples.js'
import { be16, be32, ethernet, ipv4, ipv6, tcp, udp, vlanTag } from './packet-build.js'

export interface PacketSample {
  what: string
  linkType: number
  bytes: Uint8Array
  /** Names of the layers around the innermost IP packet. */
  layers: string[]
}

const SEGMENT = tcp({ payload: new TextEncoder().encode('GET / HTTP/1.0\r\n\r\n') })
export const IP4 = ipv4(6, SEGMENT)
export const IP6 = ipv6(6, SEGMENT)
/** With its checksum made. */
const SEGMENT4 = IP4.slice(20)
const SEGMENT6 = IP6.slice(40)
export const FRAME = ethernet(0x0800, IP4)
const OUTER = { source: '203.0.113.1', destination: '203.0.113.9' }
const OUTER6 = { source: '2001:db8:1::1', destination: '2001:db8:1::9' }

const eth = (what: string, bytes: Uint8Array, layers: string[] = []): PacketSample => {
  return { what, linkType: 1, bytes, layers }
}
const inIp4 = (protocol: number, payload: Uint8Array): Uint8Array => ethernet(0x0800, ipv4(protocol, payload, OUTER))
const inIp6 = (protocol: number, payload: Uint8Array): Uint8Array => ethernet(0x86dd, ipv6(protocol, payload, OUTER6))
const inUdp = (port: number, payload: Uint8Array): Uint8Array => inIp4(17, udp(payload, 50_000, port))
const gre = (flagsAndMore: string, payload: Uint8Array): Uint8Array => inIp4(47, concat(hex(flagsAndMore), payload))

/** What a link type puts in front of an IPv4 packet, by its number. */
export const LINK_HEADERS: Record<number, string> = {
  0: '02 00 00 00', // AF_INET in little endian
  1: '02 00 00 00 00 01 02 00 00 00 00 02 08 00',
  9: 'ff 03 00 21', // all stations, unnumbered information, IPv4
  10: '50 02 00 00 00 00 01 02 00 00 00 00 02 aa aa 03 00 00 00 08 00',
  12: '',
  14: '',
  50: 'ff 03 00 21',
  51: '11 00 00 07 00 3c 00 21', // version and type 1, session data, session 7, 60 bytes, IPv4
  101: '',
  104: '0f 00 08 00', // unicast, control, ethertype
  105: '08 01 00 00 02 00 00 00 00 01 02 00 00 00 00 02 02 00 00 00 00 03 00 00 aa aa 03 00 00 00 08 00',
  108: '00 00 00 02', // AF_INET in network order
  113: '00 00 00 01 00 06 02 00 00 00 00 01 00 00 08 00',
  127: `
    00 00 08 00 00 00 00 00 // radiotap, 8 bytes, no fields
    08 01 00 00 02 00 00 00 00 01 02 00 00 00 00 02 02 00 00 00 00 03 00 00
    aa aa 03 00 00 00 08 00`,
  228: '',
  242: `${'00 '.repeat(40)} 08 00 00 00`,
  276: '08 00 00 00 00 00 00 02 00 01 00 06 02 00 00 00 00 01 00 00',
}

const links = Object.entries(LINK_HEADERS).map(([number, header]): PacketSample => {
  const linkType = Number(number)
  return {
    what: `link type ${number}`,
    linkType,
    bytes: concat(hex(header), IP4),
    layers: linkType === 51 ? ['pppoe 7'] : [],
  }
})

const ERSPAN_SESSION = '10 0a 00 05' // version 1 (type II), VLAN 10, session 5

export const PACKETS: PacketSample[] = [
  ...links,
  { what: 'raw IPv6', linkType: 229, bytes: IP6, layers: [] },
  { what: 'BSD loopback, big endian', linkType: 0, bytes: concat(hex('00 00 00 02'), IP4), layers: [] },
  { what: 'BSD loopback, IPv6 of macOS', linkType: 0, bytes: concat(hex('1e 00 00 00'), IP6), layers: [] },
  { what: 'PPP without address, short protocol', linkType: 9, bytes: concat(hex('21'), IP4), layers: [] },
  { what: 'Cisco HDLC as PPP', linkType: 50, bytes: concat(hex('8f 00 86 dd'), IP6), layers: [] },
  {
    what: 'QoS data between access points, padded',
    linkType: 127,
    bytes: concat(
      // radiotap with TSFT and flags: aligned to 16, data pad
      hex('00 00 19 00 03 00 00 00 01 02 03 04 05 06 07 08 20 00 00 00 00 00 00 00 00'),
      hex('88 03 00 00'),
      new Uint8Array(26),
      hex('00 00'),
      hex('aa aa 03 00 00 00 08 00'),
      IP4,
    ),
    layers: [],
  },
  eth('VLAN', ethernet(0x8100, vlanTag(10, 0x0800, IP4)), ['vlan 10']),
  eth('priority tag', ethernet(0x8100, vlanTag(0xe000, 0x0800, IP4))),
  eth('QinQ', ethernet(0x88a8, vlanTag(10, 0x8100, vlanTag(20, 0x86dd, IP6))), ['vlan 10', 'vlan 20']),
  eth('old QinQ', ethernet(0x9100, vlanTag(10, 0x8100, vlanTag(20, 0x0800, IP4))), ['vlan 10', 'vlan 20']),
  eth('LLC with SNAP', ethernet(IP4.length + 8, concat(hex('aa aa 03 00 00 00 08 00'), IP4))),
  eth('LLC of IP', ethernet(IP4.length + 3, concat(hex('06 06 03'), IP4))),
  eth('PPPoE', ethernet(0x8864, concat(hex('11 00 00 2a 00 3c 00 21'), IP4)), ['pppoe 42']),
  eth('MPLS', ethernet(0x8847, concat(hex('00 01 00 40 00 02 01 40'), IP4)), ['mpls']),
  eth('MPLS pseudowire', ethernet(0x8847, concat(hex('00 02 01 40 00 00 00 00'), FRAME)), ['mpls']),
  eth('MPLS pseudowire without control word', ethernet(0x8847, concat(hex('00 02 01 40'), FRAME)), ['mpls']),
  eth('provider backbone', ethernet(0x88e7, concat(hex('00 00 01 00'), FRAME)), ['pbb 256']),
  eth('VN tag', ethernet(0x8926, concat(hex('00 00 00 00 08 00'), IP4))),
  eth('802.1BR tag', ethernet(0x893f, concat(hex('00 00 00 00 00 00 08 00'), IP4))),
  eth('FabricPath', ethernet(0x8903, concat(hex('00 40'), FRAME))),
  eth(
    'IPv6 with extension headers',
    ethernet(0x86dd, ipv6(0, concat(hex('3c 00 01 04 00 00 00 00'), hex('06 00 01 04 00 00 00 00'), SEGMENT6))),
  ),
  eth('IPv6 with an atomic fragment', ethernet(0x86dd, ipv6(44, concat(hex('06 00 00 00 00 00 00 07'), SEGMENT6)))),
  eth('IPv4 with options', ethernet(0x0800, ipv4(6, SEGMENT, { options: hex('94 04 00 00') }))),
  eth(
    'AH',
    ethernet(0x0800, ipv4(51, concat(hex('06 04 00 00 00 00 00 01 00 00 00 01'), new Uint8Array(12), SEGMENT4))),
  ),
  eth('GRE', gre('00 00 08 00', IP4), ['gre']),
  eth('GRE with checksum, key and sequence', gre('b0 00 86 dd 00 00 00 00 00 00 00 2a 00 00 00 01', IP6), ['gre 42']),
  eth('GRE with Ethernet', gre('20 00 65 58 80 00 00 00', FRAME), ['gre 2147483648']),
  eth('GRE with a redirected packet', gre('00 00 88 3e 00 00 00 00', IP4), ['gre']),
  eth('PPTP', gre('30 81 88 0b 00 40 00 01 00 00 00 01 00 00 00 02', concat(hex('ff 03 00 21'), IP4)), ['pptp']),
  eth('ERSPAN I', gre('00 00 88 be', FRAME), ['erspan']),
  eth('ERSPAN II', gre(`10 00 88 be 00 00 00 01 ${ERSPAN_SESSION} 00 00 00 00`, FRAME), ['erspan 5']),
  eth('ERSPAN III', gre('10 00 22 eb 00 00 00 01 20 0a 00 05 00 00 00 00 00 00 00 00', FRAME), ['erspan 5']),
  eth(
    'ERSPAN III with subheader',
    gre('10 00 22 eb 00 00 00 01 20 0a 00 05 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 00', FRAME),
    ['erspan 5'],
  ),
  eth('IP in IP', inIp4(4, IP4), ['ip-in-ip']),
  eth('6in4', inIp4(41, IP6), ['6in4']),
  eth('4in6', inIp6(4, IP4), ['4in6']),
  eth('6in6', inIp6(41, IP6), ['6in6']),
  eth('EtherIP', inIp4(97, concat(hex('30 00'), FRAME)), ['etherip']),
  eth('MPLS in IP', inIp4(137, concat(hex('00 02 01 40'), IP4)), ['mpls']),
  eth('VXLAN', inUdp(4789, concat(hex('08 00 00 00 00 00 2a 00'), FRAME)), ['vxlan 42']),
  eth('VXLAN at the port that Linux had', inUdp(8472, concat(hex('08 00 00 00 00 00 2a 00'), FRAME)), ['vxlan 42']),
  eth('VXLAN in IPv6', inIp6(17, udp(concat(hex('08 00 00 00 00 00 2a 00'), FRAME), 50_000, 4789)), ['vxlan 42']),
  eth('VXLAN GPE', inUdp(4790, concat(hex('0c 00 00 02 00 00 2a 00'), IP6)), ['vxlan 42']),
  eth('GENEVE', inUdp(6081, concat(hex('00 00 65 58 00 00 2a 00'), FRAME)), ['geneve 42']),
  eth('GENEVE with options', inUdp(6081, concat(hex('02 00 08 00 00 00 2a 00 01 02 03 01 00 00 00 00'), IP4)), [
    'geneve 42',
  ]),
  eth('GTP', inUdp(2152, concat(hex('30 ff 00 52 00 00 00 01'), IP4)), ['gtp']),
  eth(
    'GTP with an extension header',
    inUdp(2152, concat(hex('34 ff 00 52 00 00 00 01 00 00 00 85 01 00 00 00'), IP4)),
    ['gtp'],
  ),
  eth('Teredo', inUdp(3544, concat(hex('00 00 00 00 00 00 00 00'), IP6)), ['teredo']),
  eth('GRE in UDP', inUdp(4754, concat(hex('00 00 08 00'), IP4)), ['gre']),
  eth('MPLS in UDP', inUdp(6635, concat(hex('00 02 01 40'), IP4)), ['mpls']),
  eth('L2TP', inUdp(1701, concat(hex('40 02 00 4a 00 01 00 01 ff 03 00 21'), IP4)), ['l2tp']),
  eth(
    'a VLAN in VXLAN in a VLAN',
    ethernet(
      0x8100,
      vlanTag(
        7,
        0x0800,
        ipv4(
          17,
          udp(concat(hex('08 00 00 00 00 00 2a 00'), ethernet(0x8100, vlanTag(9, 0x0800, IP4))), 1, 4789),
          OUTER,
        ),
      ),
    ),
    ['vlan 7', 'vxlan 42', 'vlan 9'],
  ),
]

/** Packets without TCP: for those who damage them. */
export const OTHERS: PacketSample[] = [
  eth('UDP', ethernet(0x0800, ipv4(17, udp(hex('01 02 03'))))),
  eth('ARP', ethernet(0x0806, hex('00 01 08 00 06 04 00 01'))),
  eth('ICMP error', ethernet(0x0800, ipv4(1, concat(hex('03 04 00 00 00 00 05 78'), IP4)))),
  eth('ICMPv6 error', ethernet(0x86dd, ipv6(58, concat(hex('02 00 00 00 00 00 05 00'), IP6)))),
  eth('IPv4 fragment', ethernet(0x0800, ipv4(6, SEGMENT.slice(0, 16), { fragment: 0x2000 }))),
  eth('last IPv4 fragment', ethernet(0x0800, ipv4(6, SEGMENT.slice(16), { fragment: 2 }))),
  eth('IPv6 fragment', ethernet(0x86dd, ipv6(44, concat(hex('06 00 00 01 00 00 00 07'), SEGMENT.slice(0, 16))))),
  eth(
    'jumbogram',
    ethernet(0x86dd, ipv6(0, concat(hex('06 00 c2 04'), be32(8 + SEGMENT.length), SEGMENT), { length: 0 })),
  ),
  eth('unknown ethertype', ethernet(0x88cc, be16(1, 2, 3))),
]
