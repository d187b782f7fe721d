// The tables that describe a batch of messages to the native socket: one row of int32 a message.

/** Numbers in a row of a send table: offset and length of data, of name (sockaddr), and of control messages. */
export const SEND_ROW = 6

/** Numbers in a row of a stamped send table: the six of a send table, and six that the send fills in. */
export const SEND_STAMPED_ROW = 12

/** Numbers in a row of a receive table: the six of a send table as capacities, and four that the receive fills in. */
export const RECEIVE_ROW = 10

/** Most rows in one call (UIO_MAXIOV, linux/uio.h). */
export const BATCH_LIMIT = 1024

/** Position in a row. All offsets count from the start of the arena; a length of 0 means "none". */
export const ROW = {
  dataOffset: 0,
  dataLength: 1,
  nameOffset: 2,
  nameLength: 3,
  controlOffset: 4,
  controlLength: 5,
  /** Filled in: bytes of data; with MSG_TRUNC among the flags of the call, the real size even if more than fitted. */
  receivedData: 6,
  /** Filled in: bytes of the sender's address, which may be more than fitted. */
  receivedName: 7,
  /** Filled in: bytes of control messages. */
  receivedControl: 8,
  /** Filled in: MSG_TRUNC, MSG_CTRUNC, MSG_ERRQUEUE ... (recvmsg(2)). */
  receivedFlags: 9,
} as const

/** What a stamped send fills in, after the six of ROW. Seconds are to be read unsigned (`>>> 0`): they pass 2038. */
export const STAMPED = {
  /** 0, or -errno. */
  result: 6,
  realtimeSeconds: 7,
  realtimeNanoseconds: 8,
  monotonicSeconds: 9,
  monotonicNanoseconds: 10,
  /** How often it was refused before that: 1 when an error that waited from an earlier message was in the way. */
  refusals: 11,
} as const
