// Finds the flow of a packet by its ends: open addressing with linear probing, the hash kept beside the slot so that a miss
// in the table is no miss in memory.

import { OTHER_CHAIN } from '../wire/encapsulations.js'
import { KIND_TCP, type PacketEnds, TCP_ACK, type WalkedPacket } from '../wire/walked-packet.js'
import {
  ENCAPSULATIONS,
  FIRST_ENDS,
  FlowRecords,
  HASH,
  NEXT,
  OTHER_ENDS,
  PACKETS,
  PORTS,
  SIDE_WORDS,
  SIDES,
  TYPE,
  wordsOf,
} from './flow-record.js'

const INITIAL_ENTRIES = 4096

/** Both ends mixed in the same way, so that both directions hash alike. */
function mixEnd(seed: number, word: number, port: number): number {
  let mixed = Math.imul(word ^ seed, 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 15) ^ Math.imul(port + 1, 0x9e3779b1), 0xc2b2ae35)
  return mixed ^ (mixed >>> 13)
}

function foldIpv6(seed: number, word0: number, word1: number, word2: number, word3: number): number {
  let mixed = Math.imul(word0 ^ seed, 0x27d4eb2f)
  mixed = Math.imul(mixed ^ (mixed >>> 15) ^ word1, 0x165667b1)
  mixed = Math.imul(mixed ^ (mixed >>> 13) ^ word2, 0x9e3779b1)
  return mixed ^ (mixed >>> 16) ^ word3
}

/** How far an acknowledgment may be from what was sent, to be the other direction of a flow in another encapsulation. */
const NEAR_BYTES = 1 << 20

/**
 * So many flows between the same ends are told apart by their encapsulation: the hash leaves it out, so that each of them is
 * looked at for every packet of another one. The packets of all further encapsulations are one flow of other chains.
 */
export const MOST_ALIKE = 256

export class FlowTable {
  readonly records = new FlowRecords()
  /** Hash and slot + 1, alternating. */
  #entries = new Int32Array(INITIAL_ENTRIES * 2)
  #mask = INITIAL_ENTRIES - 1
  #count = 0
  readonly #seed: number
  /** Of the ends that `find` was last asked for. */
  #hash = 0
  /** Whether they have flows in so many encapsulations already that a further one is none of its own. */
  #isCrowded = false

  /** @param seed hashes of one table cannot be foretold from another's */
  constructor(seed: number) {
    this.#seed = seed | 0
  }

  /**
   * The slot of the flow between these ends, doubled, plus 1 when the packet is from the one that did not send its first
   * packet; -1 when there is none. A flow from an end to itself has one sender. The encapsulation is part of what is looked for,
   * for each direction its own: both VLANs of a mirror, or the two ways of a tunnel. The other direction's is that of its first
   * packet, which is the `reply` that acknowledges what was sent.
   */
  find(ends: PacketEnds, encapsulation: number, reply: WalkedPacket | null): number {
    const type = (ends.family << 8) | ends.protocol
    const source3 = ends.source3 | 0
    const destination3 = ends.destination3 | 0
    let source = source3
    let destination = destination3
    if (ends.family === 6) {
      source = foldIpv6(this.#seed, ends.source0, ends.source1, ends.source2, source3)
      destination = foldIpv6(this.#seed, ends.destination0, ends.destination1, ends.destination2, destination3)
    }
    let hash = mixEnd(this.#seed, source, ends.sourcePort) + mixEnd(this.#seed, destination, ends.destinationPort)
    hash = Math.imul(hash ^ type, 0x9e3779b1)
    hash ^= hash >>> 15
    this.#hash = hash
    this.#isCrowded = false
    const ports = (ends.sourcePort << 16) | ends.destinationPort
    const reversed = (ends.destinationPort << 16) | ends.sourcePort
    const entries = this.#entries
    let adoptable = -1
    let alike = 0
    for (let at = hash & this.#mask; ; at = (at + 1) & this.#mask) {
      const entry = entries[at * 2 + 1]!
      if (entry === 0) {
        if (adoptable >= 0) return this.#adopt(adoptable, encapsulation)
        if (alike < MOST_ALIKE || encapsulation === OTHER_CHAIN) return -1
        const other = this.find(ends, OTHER_CHAIN, reply)
        this.#isCrowded = other < 0
        return other
      }
      if (entries[at * 2] !== hash) continue
      alike++
      const slot = entry - 1
      const { words } = this.records.slab(slot)
      const row = wordsOf(slot)
      if (words[row + TYPE] !== type) continue
      const stored = words[row + PORTS]!
      if (
        stored === ports &&
        words[row + FIRST_ENDS + 3] === source3 &&
        words[row + OTHER_ENDS + 3] === destination3 &&
        (ends.family === 4 || sameHigh(words, row, ends, 0)) &&
        words[row + ENCAPSULATIONS]! >>> 16 === encapsulation
      )
        return slot * 2
      if (
        stored === reversed &&
        words[row + FIRST_ENDS + 3] === destination3 &&
        words[row + OTHER_ENDS + 3] === source3 &&
        (ends.family === 4 || sameHigh(words, row, ends, 4))
      ) {
        if ((words[row + ENCAPSULATIONS]! & 0xffff) === encapsulation) return slot * 2 + 1
        if (reply !== null && isFirstReply(words, row, reply)) adoptable = slot
      }
    }
  }

  /** A row for the ends that `find` was just asked for in vain. */
  insert(ends: PacketEnds, encapsulation: number): number {
    if (this.#count * 2 > this.#mask) this.#grow()
    const slot = this.records.take()
    const { words } = this.records.slab(slot)
    const row = wordsOf(slot)
    words[row] = ends.source0
    words[row + 1] = ends.source1
    words[row + 2] = ends.source2
    words[row + 3] = ends.source3
    words[row + 4] = ends.destination0
    words[row + 5] = ends.destination1
    words[row + 6] = ends.destination2
    words[row + 7] = ends.destination3
    words[row + PORTS] = (ends.sourcePort << 16) | ends.destinationPort
    words[row + TYPE] = (ends.family << 8) | ends.protocol
    const chain = this.#isCrowded ? OTHER_CHAIN : encapsulation
    words[row + ENCAPSULATIONS] = (chain << 16) | chain
    words[row + HASH] = this.#hash
    this.#place(this.#hash, slot + 1)
    this.#count++
    return slot
  }

  /** Its row is free afterwards. */
  remove(slot: number): void {
    const hash = this.records.slab(slot).words[wordsOf(slot) + HASH]!
    const entries = this.#entries
    const mask = this.#mask
    let hole = hash & mask
    while (entries[hole * 2 + 1] !== slot + 1) hole = (hole + 1) & mask
    // Those behind it move up, unless that would put them before where their search begins.
    for (let at = (hole + 1) & mask; entries[at * 2 + 1] !== 0; at = (at + 1) & mask) {
      const home = entries[at * 2]! & mask
      if (((at - home) & mask) < ((at - hole) & mask)) continue
      entries[hole * 2] = entries[at * 2]!
      entries[hole * 2 + 1] = entries[at * 2 + 1]!
      hole = at
    }
    entries[hole * 2 + 1] = 0
    this.#count--
    this.records.release(slot)
  }

  /** Its other direction comes in another encapsulation. */
  #adopt(slot: number, encapsulation: number): number {
    const { words } = this.records.slab(slot)
    const at = wordsOf(slot) + ENCAPSULATIONS
    words[at] = (words[at]! & ~0xffff) | encapsulation
    return slot * 2 + 1
  }

  #place(hash: number, entry: number): void {
    const entries = this.#entries
    let at = hash & this.#mask
    while (entries[at * 2 + 1] !== 0) at = (at + 1) & this.#mask
    entries[at * 2] = hash
    entries[at * 2 + 1] = entry
  }

  #grow(): void {
    const old = this.#entries
    this.#entries = new Int32Array(old.length * 2)
    this.#mask = old.length - 1
    for (let at = 0; at < old.length; at += 2) if (old[at + 1] !== 0) this.#place(old[at]!, old[at + 1]!)
  }
}

/** True when nothing was seen of the other direction of the flow yet, and this may be the first of it. */
function isFirstReply(words: Int32Array, row: number, reply: WalkedPacket): boolean {
  if (words[row + SIDES + SIDE_WORDS + PACKETS] !== 0) return false
  if (reply.kind !== KIND_TCP) return true
  return (reply.flags & TCP_ACK) !== 0 && Math.abs((reply.acknowledgment - words[row + SIDES + NEXT]!) | 0) < NEAR_BYTES
}

/** True when the upper three words of both addresses are those of the row: `turn` 0 as stored, 4 the other way round. */
function sameHigh(words: Int32Array, row: number, ends: PacketEnds, turn: number): boolean {
  const source = row + turn
  const destination = row + 4 - turn
  return (
    words[source] === (ends.source0 | 0) &&
    words[source + 1] === (ends.source1 | 0) &&
    words[source + 2] === (ends.source2 | 0) &&
    words[destination] === (ends.destination0 | 0) &&
    words[destination + 1] === (ends.destination1 | 0) &&
    words[destination + 2] === (ends.destination2 | 0)
  )
}
