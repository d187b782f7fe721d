// How long a packet in a capture file may be: libpcap's limits, beyond which a length is taken for damage.

/** libpcap pcap-int.h, MAXIMUM_SNAPLEN. */
export const MAX_PACKET = 262_144
const MAX_LONG_PACKET = 128 * 1024 * 1024
const MAX_EBHSCR_PACKET = 8 * 1024 * 1024

/** libpcap pcap-common.c, max_snaplen_for_dlt: link types whose "packets" are messages of another kind. */
const LONG: Readonly<Record<number, number>> = {
  /** LINKTYPE_USB_LINUX_MMAPPED */
  220: MAX_LONG_PACKET,
  /** LINKTYPE_DBUS */
  231: MAX_LONG_PACKET,
  /** LINKTYPE_USBPCAP */
  249: MAX_LONG_PACKET,
  /** LINKTYPE_EBHSCR */
  279: MAX_EBHSCR_PACKET,
}

/** Most bytes that may be captured of one packet of a link type. */
export function maxPacketBytes(linkType: number): number {
  return LONG[linkType] ?? MAX_PACKET
}

/** libpcap sf-pcapng.c, INITIAL_MAX_BLOCKSIZE; Wireshark has the same. */
export const MAX_BLOCK = 16 * 1024 * 1024

/** More interfaces than any host has, and few enough that a file of nothing else does not fill the memory. */
export const MAX_INTERFACES = 65_536

/** Characters of all their names, descriptions and filters. */
export const MAX_INTERFACE_TEXT = 16 * 1024 * 1024
