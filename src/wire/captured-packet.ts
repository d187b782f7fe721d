// One captured packet on its way from a source (a file, a ring) to whoever looks at it.

/** The record that a source moves from packet to packet. Its bytes are borrowed until the source moves on. */
export class CapturedPacket {
  /** The packet lies at `start`..`end` of it. */
  data: DataView = new DataView(new ArrayBuffer(0))
  start = 0
  end = 0
  /** Length on the wire in bytes; never less than what was captured of it. */
  wireLength = 0
  /** Since 1970 UTC. Whole seconds are below 0 or above 2^32 in damaged and strange files. */
  seconds = 0
  /** 0 to 999,999,999. */
  nanoseconds = 0
  /** False where the file holds no time for it (simple packet block). */
  timeKnown = true
  /** LINKTYPE_ number of the interface it was captured on. */
  linkType = 0
  /** Index into the `interfaces` of its source; one count over all sections of a pcapng file. */
  interfaceId = 0
  /** Number of the packet in its source, from 1. */
  frame = 0
  /** Which way it went through the capturing interface, where that is known. */
  way: Way = WAY_UNKNOWN
}

export type Way = 0 | 1 | 2
export const WAY_UNKNOWN = 0
export const WAY_IN = 1
export const WAY_OUT = 2
