import { describe, expect, it } from 'vitest'
import { RingWalker } from '../../src/capture/ring-walker.js'
import { WAY_IN, WAY_OUT } from '../../src/wire/captured-packet.js'

const BLOCK_BYTES = 4096
const BLOCKS = 3
const VLAN_VALID = 0x10
const VLAN_TPID_VALID = 0x40

interface Built {
  bytes: Uint8Array
  wireLength?: number
  status?: number
  tci?: number
  tpid?: number
  pkttype?: number
  protocol?: number
}

/** linux/if_packet.h by hand: numbers are byte offsets of tpacket_block_desc, tpacket3_hdr and sockaddr_ll. */
function fill(memory: ArrayBuffer, block: number, packets: readonly Built[]): DataView {
  const view = new DataView(memory, block * BLOCK_BYTES, BLOCK_BYTES)
  view.setUint32(0, 1, true) // version
  view.setUint32(12, packets.length, true) // num_pkts
  view.setUint32(16, 48, true) // offset_to_first_pkt
  let at = 48
  for (const [index, packet] of packets.entries()) {
    const step = 128 + ((packet.bytes.length + 15) & ~15)
    view.setUint32(at, index === packets.length - 1 ? 0 : step, true) // tp_next_offset
    view.setUint32(at + 4, 1_700_000_000 + index, true) // tp_sec
    view.setUint32(at + 8, 999_999_990 + index, true) // tp_nsec
    view.setUint32(at + 12, packet.bytes.length, true) // tp_snaplen
    view.setUint32(at + 16, packet.wireLength ?? packet.bytes.length, true) // tp_len
    view.setUint32(at + 20, packet.status ?? 0, true) // tp_status
    view.setUint16(at + 24, 128, true) // tp_mac
    view.setUint32(at + 32, packet.tci ?? 0, true) // tp_vlan_tci
    view.setUint16(at + 36, packet.tpid ?? 0, true) // tp_vlan_tpid
    view.setUint16(at + 48, 17, true) // sll_family
    view.setUint16(at + 50, packet.protocol ?? 0x0800) // sll_protocol, network order
    view.setInt32(at + 52, 7, true) // sll_ifindex
    view.setUint16(at + 56, 1, true) // sll_hatype
    view.setUint8(at + 58, packet.pkttype ?? 0) // sll_pkttype
    view.setUint8(at + 59, 6) // sll_halen
    for (let byte = 0; byte < 8; byte++) view.setUint8(at + 60 + byte, byte < 6 ? 0xa0 + byte : 0) // sll_addr
    new Uint8Array(memory, block * BLOCK_BYTES + at + 128).set(packet.bytes)
    at += step
  }
  view.setUint32(8, 1, true) // block_status: TP_STATUS_USER
  return view
}

const made = (linkType = 1, snapLength = 65_535) => {
  const memory = new ArrayBuffer(BLOCK_BYTES * BLOCKS)
  return {
    memory,
    walker: new RingWalker(memory, { blockBytes: BLOCK_BYTES, blockCount: BLOCKS, linkType, snapLength }),
  }
}
const bytes = (length: number, first = 1): Uint8Array => Uint8Array.from({ length }, (_, at) => (first + at) & 255)
const current = ({ packet }: RingWalker): number[] => [
  ...new Uint8Array(packet.data.buffer, packet.data.byteOffset + packet.start, packet.end - packet.start),
]

describe('walking a ring of packets', () => {
  it('gives nothing while the kernel has the block', () => {
    const { walker } = made()
    expect([walker.take(), walker.next()]).toEqual([false, false])
  })

  it('gives the packets of a block in their order, with times, lengths and ways', () => {
    const { memory, walker } = made()
    fill(memory, 0, [{ bytes: bytes(60) }, { bytes: bytes(40, 9), wireLength: 1500, pkttype: 4 }])
    expect(walker.take()).toBe(true)
    expect(walker.next()).toBe(true)
    expect(current(walker)).toEqual([...bytes(60)])
    expect(walker.packet).toMatchObject({
      seconds: 1_700_000_000,
      nanoseconds: 999_999_990,
      wireLength: 60,
      way: WAY_IN,
    })
    expect(walker.next()).toBe(true)
    expect(current(walker)).toEqual([...bytes(40, 9)])
    expect(walker.packet).toMatchObject({ seconds: 1_700_000_001, wireLength: 1500, way: WAY_OUT, linkType: 1 })
    expect(walker.next()).toBe(false)
  })

  it('gives a block back after its last packet only, and goes round', () => {
    const { memory, walker } = made()
    for (let block = 0; block < 7; block++) {
      const view = fill(memory, block % BLOCKS, [{ bytes: bytes(20, block) }])
      expect(walker.take()).toBe(true)
      walker.release()
      expect(view.getUint32(8, true)).toBe(1)
      expect(walker.next()).toBe(true)
      expect(current(walker)[0]).toBe(block)
      walker.release()
      expect(view.getUint32(8, true)).toBe(0)
      expect(walker.take()).toBe(false)
    }
  })

  it('puts a tag that the interface took out back behind the addresses', () => {
    const { memory, walker } = made()
    const status = VLAN_VALID | VLAN_TPID_VALID
    fill(memory, 0, [
      { bytes: bytes(60), status, tci: 0x6064, tpid: 0x88a8 },
      { bytes: bytes(60), status: VLAN_VALID, tci: 5 },
      { bytes: bytes(4), status: VLAN_VALID, tci: 5 },
    ])
    walker.take()
    walker.next()
    expect(current(walker)).toEqual([...bytes(12), 0x88, 0xa8, 0x60, 0x64, ...bytes(48, 13)])
    expect(walker.packet.wireLength).toBe(64)
    walker.next()
    expect(current(walker).slice(12, 16)).toEqual([0x81, 0x00, 0, 5])
    walker.next()
    expect(current(walker)).toEqual([...bytes(4)])
  })

  it('leaves packets of other link types without a tag', () => {
    const { memory, walker } = made(101)
    fill(memory, 0, [{ bytes: bytes(60), status: VLAN_VALID, tci: 5 }])
    walker.take()
    walker.next()
    expect(current(walker)).toEqual([...bytes(60)])
  })

  it('writes the head of LINUX_SLL2 in front of cooked packets, and the tag behind it', () => {
    const { memory, walker } = made(276)
    fill(memory, 0, [
      { bytes: bytes(40), pkttype: 4 },
      { bytes: bytes(40), status: VLAN_VALID, tci: 0x0123, protocol: 0x86dd },
    ])
    walker.take()
    walker.next()
    // LINKTYPE_LINUX_SLL2: protocol, reserved, ifindex, hatype, packet type, address length, address
    const head = (protocol: number[], type: number): number[] =>
      [protocol, [0, 0], [0, 0, 0, 7], [0, 1], [type], [6], [0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0, 0]].flat()
    expect(current(walker)).toEqual([...head([8, 0], 4), ...bytes(40)])
    expect(walker.packet).toMatchObject({ linkType: 276, wireLength: 60, way: WAY_OUT })
    walker.next()
    expect(current(walker)).toEqual([...head([0x81, 0], 0), 0x01, 0x23, 0x86, 0xdd, ...bytes(40)])
    expect(walker.packet.wireLength).toBe(64)
  })

  it('cuts packets to the snap length, the tag and the head included', () => {
    const { memory, walker } = made(1, 30)
    fill(memory, 0, [{ bytes: bytes(30), wireLength: 100, status: VLAN_VALID, tci: 1 }])
    walker.take()
    walker.next()
    expect([walker.packet.end - walker.packet.start, walker.packet.wireLength]).toEqual([30, 104])
  })

  it('never leaves the block, whatever its numbers say', () => {
    let seed = 7
    const random = (): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      return seed >>> 8
    }
    const values = [0, 1, 47, 48, 127, 128, 4095, 4096, 65_535, 0x7fffffff, 0x80000000, 0xffffffff]
    for (let round = 0; round < 3000; round++) {
      const { memory, walker } = made(round % 2 === 0 ? 1 : 276)
      const view = fill(memory, 0, [
        { bytes: bytes(60), status: VLAN_VALID },
        { bytes: bytes(60) },
        { bytes: bytes(60) },
      ])
      fill(memory, 1, [{ bytes: bytes(60) }])
      const before = Buffer.from(memory.slice(BLOCK_BYTES))
      // Numbers of the block's head (from num_pkts on) and of a packet's head.
      for (let times = 0; times < 2; times++) {
        const at = [12, 16, 48, 60, 64, 68, 72, 240, 252, 264][random() % 10]!
        view.setUint32(at, values[random() % values.length]!, true)
      }
      let packets = 0
      for (walker.take(); walker.next(); packets++) {
        const { start, end } = walker.packet
        if (start < 96 || end > BLOCK_BYTES || start > end) throw new Error(`packet at ${start}..${end}`)
      }
      expect(packets).toBeLessThan(BLOCK_BYTES)
      expect(before.equals(Buffer.from(memory, BLOCK_BYTES))).toBe(true)
      walker.release()
      // The block after it is read as if nothing had been.
      expect([walker.take(), walker.next(), walker.next()]).toEqual([true, true, false])
    }
  })

  it('says how many blocks were damaged', () => {
    const { memory, walker } = made()
    fill(memory, 0, [{ bytes: bytes(60) }, { bytes: bytes(60) }]).setUint32(48, 0xffffff00, true)
    walker.take()
    expect([walker.next(), walker.next(), walker.damagedBlocks]).toEqual([true, false, 1])
  })
})
