// Rows of packets that are kept, in columns: linked from the first of a flow to its last, and used again when the flow is over.

import type { Note, TrackedPacket } from './evidence.js'

const FIRST_SIZE = 4096

/** Columns of words of a row; META is sender, kind, role, don't fragment, flags, number of the duplicate ACK. */
const FRAME = 0
const LABELS = 1
const META = 2
const SEQUENCE = 3
const ACKNOWLEDGMENT = 4
const PAYLOAD = 5
const NEXT = 6
const WORDS = 7

const KIND_SHIFT = 1
const ROLE_SHIFT = 4
const DF_BIT = 1 << 7
const FLAGS_SHIFT = 8
const NUMBER_SHIFT = 17
const MOST_NUMBER = 0x3fff
/** An ICMP error, of which the type stands where the flags are and the MTU where the payload is. */
const ICMP_ROLE = 3

export class EvidenceColumns {
  readonly #most: number
  #words = new Int32Array(FIRST_SIZE * WORDS)
  #times = new Float64Array(FIRST_SIZE)
  /** Rows are numbered from 1; 0 ends a list. */
  #used = 1
  #free = 0
  #live = 0
  /** Packets that there was no room for. */
  refused = 0

  constructor(most: number) {
    this.#most = most
  }

  /** The number of a new row; 0 when there is no room. */
  add(frame: number, tracked: TrackedPacket, role: number): number {
    if (this.#live === this.#most) {
      this.refused++
      return 0
    }
    this.#live++
    const row = this.#take()
    const { walked } = tracked
    const words = this.#words
    const at = row * WORDS
    const isIcmp = role === ICMP_ROLE
    const flags = isIcmp ? walked.icmpType : walked.flags & 0x1ff
    words[at + FRAME] = frame
    words[at + LABELS] = tracked.labels
    words[at + META] =
      tracked.sender |
      (tracked.retransmissionKind << KIND_SHIFT) |
      (role << ROLE_SHIFT) |
      (walked.dontFragment ? DF_BIT : 0) |
      (flags << FLAGS_SHIFT) |
      (Math.min(tracked.dupAckNumber, MOST_NUMBER) << NUMBER_SHIFT)
    words[at + SEQUENCE] = walked.sequence
    words[at + ACKNOWLEDGMENT] = walked.acknowledgment
    words[at + PAYLOAD] = isIcmp ? walked.icmpMtu : walked.payloadBytes
    words[at + NEXT] = 0
    this.#times[row] = tracked.timeNs
    return row
  }

  link(row: number, next: number): void {
    this.#words[row * WORDS + NEXT] = next
  }

  /** The rows of a list, which are free afterwards. */
  take(head: number): Note[] {
    const notes: Note[] = []
    for (let row = head; row !== 0; ) {
      notes.push(this.#read(row))
      const next = this.#words[row * WORDS + NEXT]!
      this.#words[row * WORDS + NEXT] = this.#free
      this.#free = row
      this.#live--
      row = next
    }
    return notes
  }

  /** Frees the rows of a list unread. */
  free(head: number, tail: number, rows: number): void {
    this.#words[tail * WORDS + NEXT] = this.#free
    this.#free = head
    this.#live -= rows
  }

  #read(row: number): Note {
    const words = this.#words
    const at = row * WORDS
    const meta = words[at + META]!
    return {
      frame: words[at + FRAME]! >>> 0,
      timeNs: this.#times[row]!,
      role: (meta >> ROLE_SHIFT) & 7,
      sender: (meta & 1) as 0 | 1,
      labels: words[at + LABELS]!,
      kind: (meta >> KIND_SHIFT) & 7,
      dupAckNumber: meta >>> NUMBER_SHIFT,
      flags: (meta >> FLAGS_SHIFT) & 0x1ff,
      sequence: words[at + SEQUENCE]!,
      acknowledgment: words[at + ACKNOWLEDGMENT]!,
      payload: words[at + PAYLOAD]!,
      dontFragment: (meta & DF_BIT) !== 0,
    }
  }

  #take(): number {
    const row = this.#free
    if (row !== 0) {
      this.#free = this.#words[row * WORDS + NEXT]!
      return row
    }
    if (this.#used === this.#times.length) {
      const [words, times] = [this.#words, this.#times]
      this.#words = new Int32Array(words.length * 2)
      this.#times = new Float64Array(times.length * 2)
      this.#words.set(words)
      this.#times.set(times)
    }
    return this.#used++
  }
}
