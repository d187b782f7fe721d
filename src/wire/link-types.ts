// Link types of captures: one row each, with its number, its name and the layer that its packets begin with.

import { STEP_IPV4, STEP_IPV6, type WalkCursor } from './walk-cursor.js'
import { chdlc, ethernet, fddi, ipoib, rawIp, sll, sll2 } from './walk-link.js'
import { loopback, pppEther, pppSerial } from './walk-point-to-point.js'
import { radiotap, wireless } from './walk-wireless.js'

export interface LinkType {
  /** LINKTYPE_ number of the file formats. */
  number: number
  /** As libpcap spells it, without LINKTYPE_. */
  name: string
  description: string
  /** The first layer of its packets; null where they are not decoded. */
  walk: ((cursor: WalkCursor) => number) | null
}

export const LINKTYPE_ETHERNET = 1

/** www.tcpdump.org/linktypes.html */
const ROWS: readonly [number: number, name: string, description: string, walk: LinkType['walk']][] = [
  [0, 'NULL', 'BSD loopback', loopback],
  [1, 'ETHERNET', 'Ethernet', ethernet],
  [3, 'AX25', 'AX.25', null],
  [6, 'IEEE802_5', 'Token Ring', null],
  [7, 'ARCNET_BSD', 'ARCNET, BSD', null],
  [8, 'SLIP', 'SLIP', null],
  [9, 'PPP', 'PPP', pppSerial],
  [10, 'FDDI', 'FDDI', fddi],
  // DLT_RAW of other systems, found in files of theirs.
  [12, 'RAW', 'raw IP', rawIp],
  [14, 'RAW', 'raw IP', rawIp],
  [50, 'PPP_HDLC', 'PPP in HDLC-like framing, or Cisco HDLC', pppSerial],
  [51, 'PPP_ETHER', 'PPP over Ethernet', pppEther],
  [101, 'RAW', 'raw IP', rawIp],
  [104, 'C_HDLC', 'Cisco HDLC', chdlc],
  [105, 'IEEE802_11', '802.11', wireless],
  [107, 'FRELAY', 'Frame Relay', null],
  [108, 'LOOP', 'OpenBSD loopback', loopback],
  [113, 'LINUX_SLL', 'Linux cooked', sll],
  [114, 'LTALK', 'LocalTalk', null],
  [117, 'PFLOG', 'OpenBSD firewall log', null],
  [119, 'IEEE802_11_PRISM', '802.11 with Prism header', null],
  [122, 'IP_OVER_FC', 'IP over Fibre Channel', null],
  [123, 'SUNATM', 'SunATM', null],
  [127, 'IEEE802_11_RADIOTAP', '802.11 with radiotap header', radiotap],
  [129, 'ARCNET_LINUX', 'ARCNET, Linux', null],
  [137, 'JUNIPER_ATM1', 'Juniper ATM1', null],
  [138, 'APPLE_IP_OVER_IEEE1394', 'IP over FireWire', null],
  [139, 'MTP2_WITH_PHDR', 'SS7 MTP2 with pseudo-header', null],
  [140, 'MTP2', 'SS7 MTP2', null],
  [143, 'DOCSIS', 'DOCSIS', null],
  [144, 'LINUX_IRDA', 'Linux IrDA', null],
  [163, 'IEEE802_11_AVS', '802.11 with AVS header', null],
  [165, 'BACNET_MS_TP', 'BACnet MS/TP', null],
  [166, 'PPP_PPPD', 'PPP of pppd, with direction', null],
  [169, 'GPRS_LLC', 'GPRS LLC', null],
  [187, 'BLUETOOTH_HCI_H4', 'Bluetooth HCI', null],
  [189, 'USB_LINUX', 'USB, Linux', null],
  [192, 'PPI', 'Per-Packet Information', null],
  [195, 'IEEE802_15_4_WITHFCS', '802.15.4', null],
  [197, 'ERF', 'Endace ERF', null],
  [201, 'BLUETOOTH_HCI_H4_WITH_PHDR', 'Bluetooth HCI with direction', null],
  [204, 'PPP_WITH_DIR', 'PPP with direction', null],
  [205, 'C_HDLC_WITH_DIR', 'Cisco HDLC with direction', null],
  [220, 'USB_LINUX_MMAPPED', 'USB, Linux', null],
  [226, 'IPNET', 'Solaris ipnet', null],
  [227, 'CAN_SOCKETCAN', 'CAN', null],
  [228, 'IPV4', 'raw IPv4', () => STEP_IPV4],
  [229, 'IPV6', 'raw IPv6', () => STEP_IPV6],
  [230, 'IEEE802_15_4_NOFCS', '802.15.4 without check sequence', null],
  [231, 'DBUS', 'D-Bus', null],
  [239, 'NFLOG', 'Linux netfilter log', null],
  [242, 'IPOIB', 'IP over InfiniBand', ipoib],
  [249, 'USBPCAP', 'USB, Windows', null],
  [253, 'NETLINK', 'Linux netlink', null],
  [258, 'PKTAP', 'Apple packet tap', null],
  [271, 'VSOCK', 'Linux vsock', null],
  [274, 'ETHERNET_MPACKET', 'Ethernet frame preemption', null],
  [276, 'LINUX_SLL2', 'Linux cooked v2', sll2],
  ...Array.from({ length: 16 }, (_, user): (typeof ROWS)[number] => {
    return [147 + user, `USER${user}`, 'private use', null]
  }),
]

export const LINK_TYPES: ReadonlyMap<number, LinkType> = new Map(
  ROWS.map(([number, name, description, walk]) => [number, { number, name, description, walk }]),
)

/** What a link type is called: `ETHERNET`, and `linktype-999` where nobody gave it a name. */
export function linkTypeName(number: number): string {
  return LINK_TYPES.get(number)?.name ?? `linktype-${number}`
}
