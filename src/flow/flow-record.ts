// The record of a flow: one row of numbers in a slab of 4096, so that 100,000 flows are 25 pieces of memory and no objects.

/** Addresses of the sender of the first packet (4 words) and of the other (4 words). */
export const FIRST_ENDS = 0
export const OTHER_ENDS = 4
/** Port of the sender of the first packet in the high half, the other's in the low one. */
export const PORTS = 8
/** Family, then protocol in the low byte. */
export const TYPE = 9
/** 0 in a row that is free. */
export const ID = 10
/** Of the ends; in a free row the next free one. */
export const HASH = 11
export const FIRST_FRAME = 12
export const LAST_FRAME = 13
/** Seconds since the first timed packet of the source, and nanoseconds of the second. */
export const FIRST_SECONDS = 14
export const FIRST_NS = 15
export const LAST_SECONDS = 16
export const LAST_NS = 17
/** Rows elsewhere that not every flow has; 0 for none. */
export const RTT_SLOT = 18
export const TROUBLE_SLOT = 19
/** Chains of layers around its packets: of the sender of the first in the high half, of the other in the low one. */
export const ENCAPSULATIONS = 20
/** Packets of which only a part was captured. */
export const CUT_PACKETS = 21

/** Columns of a direction, behind SIDES + sender * SIDE_WORDS. */
export const SIDES = 22
export const SIDE_WORDS = 14
export const PACKETS = 0
/** SYNs in the low half, SYN-ACKs in the high one: both stop at 65,535. */
export const SYNS = 1
export const FINS = 2
export const RSTS = 3
export const PUSHES = 4
export const ACKS = 5
/** Highest end of a segment, and the end of what was seen without a hole. */
export const NEXT = 6
export const CONTIGUOUS = 7
export const LAST_ACK = 8
/** Its initial sequence number, or one before the first that was seen. */
export const INITIAL = 9
/** Window in the low half, IPv4 identification in the high one. */
export const LAST_WINDOW = 10
export const STATE = 11
/** What its SYN offered (syn-options.ts). */
export const OPTIONS = 12
/** End of the segment whose acknowledgment is awaited. */
export const TIMED_END = 13

/** Bits of STATE. */
export const SEEN = 1
export const ACKED = 1 << 1
export const ACKED_BEHIND_SYN = 1 << 2
export const SENT_SYN = 1 << 3
export const SENT_SYN_ACK = 1 << 4
export const SENT_FIN = 1 << 5
export const SENT_RST = 1 << 6
/** It has sent a reset since the other's latest SYN. */
export const RST_SINCE_SYN = 1 << 7
export const INITIAL_KNOWN = 1 << 8
/** What its last packet was. */
export const LAST_KEEP_ALIVE = 1 << 9
export const LAST_PROBE = 1 << 10
export const LAST_RST = 1 << 11
/** TIMED_END and TIMED_AT hold. */
export const TIMING = 1 << 12
/** The identification of its last packet is known; it is the same in packets that differ. */
export const IDENTIFIED = 1 << 13
export const IDENTIFICATION_CONSTANT = 1 << 14
/** The other acknowledged what was not seen of it, and that was said. */
export const UNSEEN_SAID = 1 << 15
/** How its windows are scaled: 0 unknown, 1 not, 2 + shift. */
export const SCALE_SHIFT = 16
export const SCALE_MASK = 31 << SCALE_SHIFT
/** Of the flow, in the state of sender 0. */
export const TIMED = 1 << 24
/** HANDSHAKE holds the time of the latest SYN. */
export const SYN_TIMED = 1 << 25
/** HANDSHAKE holds the round trip of the handshake. */
export const HANDSHAKE_KNOWN = 1 << 26
/** The packet that ends the handshake was seen. */
export const HANDSHAKE_ACKED = 1 << 27
/** There is one round trip, in RTT_MIN, and no row for more. */
export const RTT_SINGLE = 1 << 28

export const LIFE_WORDS_AT = SIDES + 2 * SIDE_WORDS

/** Columns of doubles. */
export const RTT_MIN = 0
export const HANDSHAKE = 1
export const SIDE_TIMES = 2
export const SIDE_DOUBLES = 4
/** Of a direction, behind SIDE_TIMES + sender * SIDE_DOUBLES. */
export const FRAME_BYTES = 0
export const PAYLOAD_BYTES = 1
/** When NEXT was set. */
export const NEXT_TIME = 2
export const TIMED_AT = 3

export const LIFE_DOUBLES_AT = SIDE_TIMES + 2 * SIDE_DOUBLES
/** Where the doubles begin, in doubles. This and the length of a row are plain numbers, so that a compiler sees them. */
export const DOUBLES_AT = 47

/** Of one row: words, and the doubles behind them in the same bytes. */
export const ROW_WORDS = 128
export const ROW_BYTES = ROW_WORDS * 4
const ROW_DOUBLES = ROW_WORDS / 2

const SLAB_BITS = 12
const SLAB_ROWS = 1 << SLAB_BITS

/** 4096 rows. */
export class FlowSlab {
  readonly words: Int32Array
  readonly doubles: Float64Array

  constructor() {
    const bytes = new ArrayBuffer(SLAB_ROWS * ROW_BYTES)
    this.words = new Int32Array(bytes)
    this.doubles = new Float64Array(bytes)
  }
}

/** Where the words of a slot begin in its slab. */
export const wordsOf = (slot: number): number => (slot & (SLAB_ROWS - 1)) * ROW_WORDS

/** Where the doubles of a slot begin in its slab. */
export const doublesOf = (slot: number): number => (slot & (SLAB_ROWS - 1)) * ROW_DOUBLES + DOUBLES_AT

/** All rows, free ones included. */
export class FlowRecords {
  readonly slabs: FlowSlab[] = []
  /** Slots that were ever in use: 0 to `used` - 1. */
  used = 0
  live = 0
  #free = -1

  slab(slot: number): FlowSlab {
    return this.slabs[slot >>> SLAB_BITS]!
  }

  /** A row of zeros. */
  take(): number {
    this.live++
    const slot = this.#free
    if (slot < 0) {
      if (this.used === this.slabs.length * SLAB_ROWS) this.slabs.push(new FlowSlab())
      return this.used++
    }
    const { words } = this.slab(slot)
    const at = wordsOf(slot)
    this.#free = words[at + HASH]!
    words.fill(0, at, at + ROW_WORDS)
    return slot
  }

  release(slot: number): void {
    const { words } = this.slab(slot)
    const at = wordsOf(slot)
    words[at + ID] = 0
    words[at + HASH] = this.#free
    this.#free = slot
    this.live--
  }
}
