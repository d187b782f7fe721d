// Where the life of a connection lies in the words of its flow: a slot is cleared with fill(0) and holds nothing else.

/** Where the words of sender 0 start; those of sender 1 follow. They, and what is next, are looked at with every packet. */
export const SIDES = 0
/** Of the connection. Frames are 0 while there is none. */
export const BITS = 24
export const REQUEST_FRAME = 25
export const RESPONSE_FRAME = 26
export const ACK_FRAME = 27
export const RESET_FRAME = 28
export const SYN_FRAME = 29
export const SYN_ACK_FRAME = 30
export const RESET = 31
/** Milliseconds of the last long silence, and the packet that ended it. */
export const SILENCE = 32
export const SILENCE_FRAME = 33
/** Last packet of the reset's sender before it, and of the one it was meant for. */
export const RESET_BEFORE = 34
export const RESET_PEER_BEFORE = 35
/** Identification (high half) and window (low half) of the reset. */
export const RESET_FIELDS = 36
/** The first and the last of the resets that ended nothing; how many there were is in BITS. */
export const IGNORED = 37
export const ICMP_FRAME = 39
/** Zeek's letters, six to a word of 5 bits each, from the low end. */
export const HISTORY = 40
export const HISTORY_WORDS = 4

/** Of each end, from its own start. Sequence numbers are int32, compared by their difference. */
export const STATE = 0
/** Its initial sequence number; in midstream one less than the first number seen. */
export const START = 1
/** One past the highest number it sent, SYN and FIN counted. */
export const END = 2
/** What the other end has acknowledged of it. */
export const ACKED = 3
/** One past what the capture has of it without a hole; `HOLE` is where the capture goes on when that is not `END`. */
export const EDGE = 4
export const HOLE = 5
/** Identification (high half) and window (low half) of its last packet that is no reset. */
export const FIELDS = 6
export const PROFILE = 7
/** Zeek's counts behind the letters t (10 bits), w (10), c (6), g (6). */
export const COUNTS = 8
export const FIN_FRAME = 9
export const LAST_FRAME = 10
/** Sequence number of its last reset. */
export const RESET_SEQUENCE = 11
export const SIDE_WORDS = 12

/** Int32 words of one flow. */
export const LIFE_WORDS = HISTORY + HISTORY_WORDS

/** Times in ns, meaningful where the frame is not 0. */
export const SYN_TIME = 0
export const SYN_ACK_TIME = 1
export const ACK_TIME = 2
export const REQUEST_TIME = 3
export const RESPONSE_TIME = 4
export const LAST_TIME = 5
export const RESET_TIME = 6
/** Float64 words of one flow. */
export const LIFE_DOUBLES = 7

/** Bits of BITS: the low six are Wireshark's completeness. */
export const COMPLETE_SYN = 1
export const COMPLETE_SYN_ACK = 2
export const COMPLETE_ACK = 4
export const COMPLETE_DATA = 8
export const COMPLETE_FIN = 16
export const COMPLETE_RST = 32
export const COMPLETE_ALL = 63
/** The client is sender 1. Decided by the bits after it, or else by the ports. */
export const CLIENT_IS_1 = 1 << 6
export const CLIENT_BY_SYN = 1 << 7
export const CLIENT_BY_SYN_ACK = 1 << 8
export const CLIENT_BY_PORT = 1 << 9
/** The second FIN did not acknowledge the first. */
export const SIMULTANEOUS_CLOSE = 1 << 10
/** The first FIN is that of sender 1. */
export const FIRST_FIN_IS_1 = 1 << 11
/** Handshake done, or midstream, and neither FIN nor an accepted reset: where the fast path is allowed. */
export const OPEN = 1 << 12
/** Zeek's originator is sender 1; roles were flipped by its heuristic. */
export const ORIGINATOR_IS_1 = 1 << 13
export const ROLES_FLIPPED = 1 << 14
export const BEGUN = 1 << 15
/** An ICMP error quoted a packet of sender 0, 1. */
export const ICMP_ABOUT_0 = 1 << 16
export const ICMP_ABOUT_1 = 1 << 17
/** The first SYN is that of sender 1. */
export const FIRST_SYN_IS_1 = 1 << 18
/** A segment that answered a SYN acknowledged something else: what is left of an older connection. */
export const STRAY_ACK = 1 << 19
export const BEGUN_ZEEK = 1 << 20
/** There was a second packet. */
export const CONTINUED = 1 << 21
/** Number of ignored resets: the eight highest bits, as far as they go. */
export const IGNORED_SHIFT = 24
export const IGNORED_MAX = 255
/** Bits of STATE: what an end has sent. */
export const STARTED = 1
export const SENT_SYN = 2
export const SENT_SYN_ACK = 4
export const SENT_DATA = 8
/** ACK without SYN, FIN and RST. */
export const SENT_ACK = 16
export const SENT_FIN = 32
export const FIN_ACKED = 64
export const SENT_RST = 128
/** Zeek's state and the one before it, three bits each, and the letters that it has once. */
export const ZEEK_SHIFT = 8
export const ZEEK_PREVIOUS_SHIFT = 11
export const LETTER_SHIFT = 14

/** Bits of PROFILE: time to live, don't fragment, window scale. */
export const PROFILE_TTL = 0xff
export const PROFILE_DF = 1 << 8
export const PROFILE_IDENTITY = 0x1ff
export const PROFILE_TTL_VARIES = 1 << 9
export const PROFILE_DF_VARIES = 1 << 10
export const PROFILE_SCALED = 1 << 11
export const PROFILE_SCALE_SHIFT = 12
export const PROFILE_SEEN = 1 << 16
/** Seen twice or more: a comparison has something to stand on. */
export const PROFILE_AGAIN = 1 << 17

/** Bits of RESET: what is known of the accepted reset, or of the last ignored one. */
export const RESET_CLASS = 7
export const RESET_PHASE_SHIFT = 3
export const RESET_BY_1 = 1 << 5
export const RESET_TTL_DIFFERS = 1 << 6
export const RESET_DF_DIFFERS = 1 << 7
export const RESET_ID_DIFFERS = 1 << 8
export const RESET_HAS_ACK = 1 << 9
/** In the window of the one it is meant for, and not the number that it waits for: it draws a challenge ACK (RFC 5961 3.2). */
export const RESET_INEXACT = 1 << 10
export const RESET_AFTER_SILENCE = 1 << 11
export const RESET_TTL_SHIFT = 12
export const RESET_OUTSIDE_WINDOW = 1 << 20
export const RESET_WRONG_ACK = 1 << 21
/** The connection went on after it. */
export const RESET_OUTLIVED = 1 << 22
/** Nothing in the capture tells what its sequence number should be. */
export const RESET_UNCHECKED = 1 << 23

/** By number, as they stand in RESET. */
export const RESET_CLASSES = [
  null,
  'refuse',
  'abort',
  'answer-to-stray',
  'ignored',
  'injected-suspect',
  'idle-timeout-suspect',
] as const
export const RESET_PHASES = ['handshake', 'before-data', 'after-data', 'after-fin'] as const
