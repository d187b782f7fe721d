// What the packet walker found in a captured packet: the innermost IP packet that carries TCP or UDP, and why it stopped where it did.

/** What the innermost decoded layer is. */
export const KIND_OTHER = 0
export const KIND_TCP = 1
export const KIND_UDP = 2
/** ICMP or ICMPv6 that is no error. */
export const KIND_ICMP = 3
/** An ICMP or ICMPv6 error; `quoted` holds what it is about. */
export const KIND_ICMP_ERROR = 4
export const KIND_ARP = 5
/** A fragment that waits for others, or a later one of a packet that was never complete. */
export const KIND_FRAGMENT = 6

/** Flaws by bit: facts about the packet, never exceptions. */
export const FLAW_TRUNCATED = 1
export const FLAW_MALFORMED = 2
export const FLAW_BAD_CHECKSUM = 4
/** An IP length of 0: segmentation offload or BIG TCP; the length of the frame was taken. */
export const FLAW_ZERO_LENGTH = 8
/** Fragments overlap: the bytes that were captured first count. */
export const FLAW_FRAGMENT_OVERLAP = 16

/**
 * Ends of a packet: addresses as four signed 32-bit words in network order (`getInt32`, so that they compare with an Int32Array's; an
 * IPv4 address in the last one, ::ffff:0:0/96 before it), and ports.
 */
export class PacketEnds {
  family: 4 | 6 = 4
  source0 = 0
  source1 = 0
  source2 = 0
  source3 = 0
  destination0 = 0
  destination1 = 0
  destination2 = 0
  destination3 = 0
  sourcePort = 0
  destinationPort = 0
  /** IPPROTO_ number. */
  protocol = 0
}

export class WalkedPacket extends PacketEnds {
  /**
   * Nanoseconds since the first timed packet of its source: set by whoever follows flows. It is here because a number that is no
   * small integer costs an allocation each time it is an argument.
   */
  timeNs = -0 // -0 and not 0: V8 keeps it as a double from the start, and compiles nothing again when it becomes one
  kind = KIND_OTHER
  flaws = 0
  /** What stopped the walk, as an index into the walker's table of reasons; 0 when everything asked for was decoded. */
  stop = 0
  /** Number of the chain of layers around the innermost IP packet (VLANs, tunnels) in the walker's table; 0 for none. */
  encapsulation = 0
  /** Where the bytes below lie: the packet's own, or those of a reassembled one. */
  data: DataView = new DataView(new ArrayBuffer(0))
  /** Of the innermost IP header; -1 where the packet was reassembled. */
  networkStart = 0
  ttl = 0
  /** IPv4 identification; -1 for IPv6. */
  identification = -1
  dontFragment = false
  /** First byte of the TCP, UDP, ICMP header, and the end of what was captured of that layer. */
  transportStart = 0
  transportEnd = 0
  payloadStart = 0
  /** Payload of TCP or UDP in bytes by the lengths in the headers, captured or not. */
  payloadBytes = 0
  /** TCP: sequence number and acknowledgment as signed 32 bits, which V8 keeps without a double. */
  sequenceWord = 0
  acknowledgmentWord = 0
  /** Flags as the low 9 bits (RFC 9293, RFC 3540), window unscaled. */
  flags = 0
  window = 0
  checksum = 0
  tcpHeaderBytes = 0
  /** ICMP. */
  icmpType = 0
  icmpCode = 0
  /** "Packet too big", "fragmentation needed": the next hop's MTU; else 0. */
  icmpMtu = 0
  /** Of an ICMP error. Ports and sequence number are 0 where the quote is too short for them. */
  readonly quoted = new PacketEnds()
  quotedSequence = 0

  /** Unsigned. */
  get sequence(): number {
    return this.sequenceWord >>> 0
  }

  set sequence(number: number) {
    this.sequenceWord = number | 0
  }

  /** Unsigned. */
  get acknowledgment(): number {
    return this.acknowledgmentWord >>> 0
  }

  set acknowledgment(number: number) {
    this.acknowledgmentWord = number | 0
  }
}

export const TCP_FIN = 0x01
export const TCP_SYN = 0x02
export const TCP_RST = 0x04
export const TCP_PSH = 0x08
export const TCP_ACK = 0x10
export const TCP_URG = 0x20
export const TCP_ECE = 0x40
export const TCP_CWR = 0x80
