import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type CapturePacket, labelFlows, readCapture, writeCapture } from '../../src/compose/decode-library.js'
import { ipv4, tcp } from '../wire/packet-build.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'netkit-library-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** LINKTYPE_RAW: an IPv4 packet from its first byte on. */
function packetOf(frame: number, data: Uint8Array, linkType = 101): CapturePacket {
  return { frame, time: { seconds: 1_700_000_000, nanoseconds: frame }, linkType, wireLength: data.length, data }
}

const SEGMENT = packetOf(1, ipv4(6, tcp({ payload: Uint8Array.of(1, 2, 3) })))
const OTHER_LINK = packetOf(2, new Uint8Array(14), 1)

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = []
  for await (const item of items) list.push(item)
  return list
}

describe('captures for programs', () => {
  it.each(['x.pcap', 'x.pcapng'])('are read back from %s as they were written', async name => {
    const path = join(folder, name)
    expect(await writeCapture(path, [SEGMENT])).toBe(1)
    expect(await all(readCapture(path))).toEqual([SEGMENT])
    expect(readdirSync(folder)).toEqual([name])
  })

  it('that cannot be written as a whole leave no file', async () => {
    const written = writeCapture(join(folder, 'x.pcap'), [SEGMENT, OTHER_LINK])
    await expect(written).rejects.toThrow('do not fit into one pcap file')
    expect(readdirSync(folder)).toEqual([])
  })

  it('have each packet labelled, and its flow behind the last one', async () => {
    const items = await all(labelFlows([SEGMENT, { ...SEGMENT, frame: 2, time: null }]))
    expect(items).toMatchObject([
      { type: 'packet', packet: { frame: 1, flow: 1 } },
      { type: 'packet', packet: { frame: 2, flow: 1, labels: ['retransmission'] } },
      { type: 'flow', flow: { id: 1, protocol: 'tcp', firstFrame: 1, lastFrame: 2 } },
    ])
  })
})
