// The loop over packets makes no garbage: the collector has nothing to do in it.

import { describe, expect, it } from 'vitest'
import { HEAD_BYTES, parserFor } from '../../src/capture/detect.js'
import { CapturedPacket } from '../../src/wire/captured-packet.js'
import { build, enhancedBlock, interfaceBlock, option, pcapHead, pcapRecord, sectionBlock } from './bytes.js'
import { collections } from './collections.js'

const PACKETS = 1_000_000

/** The same window again and again, as many packets as are asked for. */
function makeLoop(
  head: Uint8Array,
  record: Uint8Array,
): (packets: number, each: (packet: CapturedPacket) => void) => void {
  const count = 1000
  const file = Buffer.concat([head, ...Array.from({ length: count }, () => record)])
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  const packet = new CapturedPacket()
  const parser = parserFor(file.subarray(0, HEAD_BYTES), 'x', packet)
  let first = parser.at
  return (packets, each) => {
    for (let done = 0; done < packets; done += count) {
      parser.window(view, first, file.length)
      while (parser.next()) each(packet)
      // The interfaces were read.
      first = head.length
    }
  }
}

const seconds = 1_700_000_000
const data = new Uint8Array(60)
const nanosecondClock = [option(true, 9, Uint8Array.of(9)), option(true, 0, new Uint8Array(0))]
const flags = [option(true, 2, build(true, [[4, 1]])), option(true, 0, new Uint8Array(0))]
const ticks = BigInt(seconds) * 1_000_000_000n

describe.each([
  ['pcap', pcapHead(), pcapRecord(true, { seconds, fraction: 999_999, data })],
  [
    'pcap of the other byte order, in the year 2100',
    pcapHead({ little: false }),
    pcapRecord(false, { seconds: 4_102_444_800, fraction: 999_999, data }),
  ],
  [
    'pcapng',
    Buffer.concat([sectionBlock(true), interfaceBlock(true, 1)]),
    enhancedBlock(true, { ticks: ticks / 1000n, data }),
  ],
  [
    'pcapng with nanoseconds and the way',
    Buffer.concat([sectionBlock(true), interfaceBlock(true, 1, 0, nanosecondClock)]),
    enhancedBlock(true, { ticks, data, options: flags }),
  ],
])('a million packets of a %s', (_name, head, record) => {
  it('make no garbage', async () => {
    const loop = makeLoop(head, record)
    // A variable would be a new object for each number above 2^31.
    const sum = new Float64Array(1)
    const add = (packet: CapturedPacket): void => {
      sum[0]! += packet.wireLength + packet.nanoseconds + packet.seconds
    }
    loop(200_000, add)
    // Whatever else runs in this process may be collected meanwhile: one of five quiet runs shows it.
    let fewest = Infinity
    for (let attempt = 0; attempt < 5 && fewest > 0; attempt++)
      fewest = Math.min(fewest, await collections(() => loop(PACKETS, add)))
    expect(fewest).toBe(0)
    expect(sum[0]).toBeGreaterThan(0)
  })
})

it('an object for each of a million packets would be seen', async () => {
  const loop = makeLoop(pcapHead(), pcapRecord(true, { data }))
  const kept: object[] = []
  const seen = await collections(() =>
    loop(PACKETS, packet => {
      kept[packet.frame & 1023] = { at: packet.seconds }
    }),
  )
  expect(seen).toBeGreaterThan(0)
  expect(kept.length).toBeGreaterThan(0)
})
