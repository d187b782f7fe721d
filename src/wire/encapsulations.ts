// Chains of layers around a packet (VLANs, tunnels), each known by a small number that can be part of a flow's key.

import type { PacketEnds } from './walked-packet.js'

export const VLAN = 0
export const MPLS = 1
export const PPPOE = 2
export const GRE = 3
export const ERSPAN = 4
export const VXLAN = 5
export const GENEVE = 6
export const IP_IN_IP = 7
export const IP6_IN_IP4 = 8
export const IP4_IN_IP6 = 9
export const IP6_IN_IP6 = 10
export const GTP = 11
export const TEREDO = 12
export const PBB = 13
export const PPTP = 14
export const L2TP = 15
export const ETHER_IP = 16

const NAMES = [
  'vlan',
  'mpls',
  'pppoe',
  'gre',
  'erspan',
  'vxlan',
  'geneve',
  'ip-in-ip',
  '6in4',
  '4in6',
  '6in6',
  'gtp',
  'teredo',
  'pbb',
  'pptp',
  'l2tp',
  'etherip',
]

/** A layer that has no number, or one for each direction (an MPLS label, a GTP tunnel), which would part a flow in two. */
export const NO_NUMBER = -1

/** The number of every chain that came after the table was full. */
export const OTHER_CHAIN = 1
const MOST_CHAINS = 65_536

/** Of one chain: the chain around it, its innermost layer, that layer's number, the ends of the tunnel where they count. */
const PARENT = 0
const KIND = 1
const VALUE = 2
const ENDS = 3
const STRIDE = ENDS + 8
/** Beside the kind of the layer. */
const WITH_ENDS = 0x100

/** Numbers of chains, from 0 for no layer at all. Finding one again allocates nothing. */
export class Encapsulations {
  private nodes = new Int32Array(64 * STRIDE)
  private slots = new Int32Array(128)
  private count = OTHER_CHAIN + 1
  private readonly key = new Int32Array(STRIDE)
  /** Which chains share a slot cannot be foretold. */
  private readonly seed = Math.floor(Math.random() * 2 ** 32) | 0

  /**
   * The chain with one more layer inside it.
   * @param ends of the tunnel, in either direction; null where its number alone says which one it is
   */
  push(chain: number, kind: number, value: number, ends: PacketEnds | null): number {
    if (chain === OTHER_CHAIN) return OTHER_CHAIN
    const { key } = this
    key[PARENT] = chain
    key[VALUE] = value
    if (ends === null) {
      key[KIND] = kind
    } else {
      key[KIND] = kind | WITH_ENDS
      this.setEnds(ends)
    }
    const hash = this.hash()
    const mask = this.slots.length - 1
    let slot = hash & mask
    for (let node = this.slots[slot]!; node !== 0; node = this.slots[slot]!) {
      if (this.equals(node)) return node
      slot = (slot + 1) & mask
    }
    if (this.count === MOST_CHAINS) return OTHER_CHAIN
    const node = this.count++
    if ((node + 1) * STRIDE > this.nodes.length) this.grow()
    this.nodes.set(key, node * STRIDE)
    this.place(node, hash)
    return node
  }

  /** Names of the layers of a chain, outermost first: `vlan 10`, `gre`. */
  names(chain: number): string[] {
    const names: string[] = []
    for (let node = chain; node > OTHER_CHAIN && node < this.count; node = this.nodes[node * STRIDE + PARENT]!) {
      const value = this.nodes[node * STRIDE + VALUE]!
      const name = NAMES[this.nodes[node * STRIDE + KIND]! & ~WITH_ENDS]!
      names.unshift(value === NO_NUMBER ? name : `${name} ${value >>> 0}`)
    }
    return chain === OTHER_CHAIN ? ['other'] : names
  }

  /** Identifier of the VLAN that the chain is and nothing besides; 0 when it is another chain. */
  onlyVlan(chain: number): number {
    const at = chain * STRIDE
    const { nodes } = this
    if (chain <= OTHER_CHAIN || nodes[at + PARENT] !== 0 || nodes[at + KIND] !== VLAN) return 0
    return nodes[at + VALUE]!
  }

  /** Both directions of a tunnel are one: the lower address comes first. */
  private setEnds(ends: PacketEnds): void {
    const order =
      ends.source0 - ends.destination0 ||
      ends.source1 - ends.destination1 ||
      ends.source2 - ends.destination2 ||
      ends.source3 - ends.destination3
    const source = order <= 0 ? ENDS : ENDS + 4
    const destination = order <= 0 ? ENDS + 4 : ENDS
    const { key } = this
    key[source] = ends.source0
    key[source + 1] = ends.source1
    key[source + 2] = ends.source2
    key[source + 3] = ends.source3
    key[destination] = ends.destination0
    key[destination + 1] = ends.destination1
    key[destination + 2] = ends.destination2
    key[destination + 3] = ends.destination3
  }

  /** Words of the key that count. */
  private words(): number {
    return this.key[KIND]! < WITH_ENDS ? ENDS : STRIDE
  }

  private hash(): number {
    const { key } = this
    const words = this.words()
    let hash = this.seed
    for (let at = 0; at < words; at++) {
      hash = Math.imul(hash ^ key[at]!, 0x9e3779b1)
      hash ^= hash >>> 15
    }
    return hash
  }

  private equals(node: number): boolean {
    const { key, nodes } = this
    const words = this.words()
    const start = node * STRIDE
    for (let at = 0; at < words; at++) if (key[at] !== nodes[start + at]) return false
    return true
  }

  private place(node: number, hash: number): void {
    const mask = this.slots.length - 1
    let slot = hash & mask
    while (this.slots[slot] !== 0) slot = (slot + 1) & mask
    this.slots[slot] = node
  }

  /** Twice the room, and slots for at most half of it. */
  private grow(): void {
    const nodes = new Int32Array(this.nodes.length * 2)
    nodes.set(this.nodes)
    this.nodes = nodes
    this.slots = new Int32Array((nodes.length / STRIDE) * 2)
    const pushed = this.key.slice()
    // The node that is being added is placed by `push`.
    for (let node = OTHER_CHAIN + 1; node < this.count - 1; node++) {
      this.key.set(nodes.subarray(node * STRIDE, (node + 1) * STRIDE))
      this.place(node, this.hash())
    }
    this.key.set(pushed)
  }
}
