// The loop over a ring's packets makes no garbage, with a filter that is run here and with tags that are put back.

import { expect, it } from 'vitest'
import { BpfProgram } from '../../src/capture/bpf.js'
import { RingWalker } from '../../src/capture/ring-walker.js'
import { collections } from './collections.js'

const PACKETS = 1_000_000
const BLOCK_BYTES = 65_536
const BLOCKS = 4
const STEP = 256
const IN_BLOCK = 250

/** A ring whose blocks are all full of packets of 60 bytes, each second one with a tag that was taken out. */
function fullRing(): ArrayBuffer {
  const memory = new ArrayBuffer(BLOCK_BYTES * BLOCKS)
  for (let block = 0; block < BLOCKS; block++) {
    const view = new DataView(memory, block * BLOCK_BYTES, BLOCK_BYTES)
    view.setUint32(8, 1, true) // block_status: TP_STATUS_USER
    view.setUint32(12, IN_BLOCK, true) // num_pkts
    view.setUint32(16, 48, true) // offset_to_first_pkt
    for (let packet = 0; packet < IN_BLOCK; packet++) {
      const at = 48 + packet * STEP
      view.setUint32(at, STEP, true) // tp_next_offset
      view.setUint32(at + 4, 1_700_000_000, true) // tp_sec
      view.setUint32(at + 12, 60, true) // tp_snaplen
      view.setUint32(at + 16, 60, true) // tp_len
      view.setUint32(at + 20, packet % 2 === 0 ? 0x10 : 0, true) // tp_status: VLAN_VALID
      view.setUint16(at + 24, 128, true) // tp_mac
      view.setUint16(at + 128 + 12, 0x0800) // ethertype
    }
  }
  return memory
}

/** ldh [12]; jeq #0x9999 jf 1; ret #0; ret #100 */
const program = new BpfProgram(
  Uint8Array.from([
    40, 0, 0, 0, 12, 0, 0, 0, 21, 0, 0, 1, 0x99, 0x99, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 100, 0, 0, 0,
  ]),
)

it.each([1, 276])('a million packets of link type %i pass without a collection', async linkType => {
  const memory = fullRing()
  const words = new Int32Array(memory)
  const walker = new RingWalker(memory, { blockBytes: BLOCK_BYTES, blockCount: BLOCKS, linkType, snapLength: 65_535 })
  const { packet } = walker
  const bytes: Uint8Array[] = []
  let matches = 0
  const walk = (packets: number, keep: boolean): void => {
    for (let done = 0, block = 0; done < packets; block = (block + 1) % BLOCKS) {
      walker.take()
      while (walker.next()) {
        done++
        if (program.run(packet.data, packet.start, packet.end, packet.wireLength) > 0) matches++
        if (keep) bytes[done & 1023] = new Uint8Array(packet.data.buffer, packet.start, packet.end - packet.start)
      }
      walker.release()
      // The kernel fills it again.
      words[(block * BLOCK_BYTES + 8) >> 2] = 1
    }
  }
  walk(100_000, false)
  matches = 0
  expect(await collections(() => walk(PACKETS, false))).toBe(0)
  expect(matches).toBe(PACKETS)
  // The control: one that makes an object a packet is seen.
  expect(await collections(() => walk(PACKETS, true))).toBeGreaterThan(0)
})
