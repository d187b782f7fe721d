// How large probes can be.

/** IP header without options or extensions, and the header of ICMP or UDP. */
export const HEADER_BYTES = { 4: 28, 6: 48 } as const
/** Payload of a packet of 65,535 bytes. */
export const LARGEST_PAYLOAD = { 4: 65_507, 6: 65_487 } as const
